"""Addresses of billing, a module an area."""

from billing.api import usage
from billing.urls import prices

app_name = "billing"
urlpatterns = [*prices.urlpatterns, *usage.urlpatterns]
