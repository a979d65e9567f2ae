"""Addresses of the statement."""

from django.urls import path

from billing.views import statement

urlpatterns = [
    path("<auth_id:account>/billing/", statement.statement, name="statement"),
    path("<auth_id:account>/billing/statement/csv/", statement.csv, name="statement_csv"),
]
