"""Addresses of balance alerts."""

from django.urls import path

from billing.views import alerts

_PAGE = "<auth_id:account>/billing/alerts/"

urlpatterns = [
    path(_PAGE, alerts.alerts, name="alerts"),
    path(f"{_PAGE}amounts/", alerts.amounts, name="alert_amounts"),
    path(f"{_PAGE}test/", alerts.test, name="alert_test"),
]
