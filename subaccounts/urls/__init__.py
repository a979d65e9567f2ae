"""Addresses of subaccounts and resources, a module an area."""

from subaccounts.urls import applications, subaccounts, usage

app_name = "subaccounts"
urlpatterns = [*applications.urlpatterns, *subaccounts.urlpatterns, *usage.urlpatterns]
