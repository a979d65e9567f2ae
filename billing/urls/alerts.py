"""Addresses of balance alerts."""

from django.urls import path

from billing.views import alert_recipients, alerts

_PAGE = "<auth_id:account>/billing/alerts/"
_ADDRESS = f"{_PAGE}addresses/<uuid:public_id>/"

urlpatterns = [
    path(_PAGE, alerts.alerts, name="alerts"),
    path(f"{_PAGE}amounts/", alerts.amounts, name="alert_amounts"),
    path(f"{_PAGE}test/", alerts.test, name="alert_test"),
    path(f"{_PAGE}addresses/add/", alert_recipients.address_add, name="alert_address_add"),
    path(f"{_ADDRESS}link/", alert_recipients.address_link, name="alert_address_link"),
    path(f"{_ADDRESS}remove/", alert_recipients.address_remove, name="alert_address_remove"),
    path("balance-alerts/confirm/<str:token>/", alert_recipients.confirm, name="alert_confirm"),
    path("balance-alerts/stop/<str:token>/", alert_recipients.stop, name="alert_stop"),
]
