"""Addresses of subaccounts: pages, and the resource in the HTTP API."""

from subaccounts.api import subaccounts as api

urlpatterns = [*api.urlpatterns]
