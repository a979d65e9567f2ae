"""Addresses of billing, a module an area."""

from billing.api import stripe, usage
from billing.urls import alerts, cards, prices, statement

app_name = "billing"
urlpatterns = [
    *alerts.urlpatterns,
    *cards.urlpatterns,
    *prices.urlpatterns,
    *statement.urlpatterns,
    *usage.urlpatterns,
    *stripe.urlpatterns,
]
