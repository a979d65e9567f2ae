"""Addresses of the price lists."""

from django.urls import path

from billing.api import prices as api
from billing.views import prices

urlpatterns = [
    path("<auth_id:account>/voice/pricing/", prices.voice, name="price_voice"),
    path("<auth_id:account>/messaging/pricing/", prices.messaging, name="price_messaging"),
    path("<auth_id:account>/pricing/<slug:sheet>/csv/", prices.csv, name="price_csv"),
    *api.urlpatterns,
]
