"""Addresses of usage logs and charts."""

from django.urls import path

from subaccounts.views import usage

_LOGS = "<auth_id:account>/logs/"
urlpatterns = [
    path(f"{_LOGS}usage/", usage.log, name="usage_log"),
    path(f"{_LOGS}usage/csv/", usage.csv, name="usage_csv"),
    path(f"{_LOGS}usage/<str:place>/", usage.event, name="usage_event"),
    path(f"{_LOGS}days/", usage.days, name="usage_days"),
]
