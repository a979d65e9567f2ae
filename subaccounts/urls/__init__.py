"""Addresses of subaccounts and resources, a module an area."""

from subaccounts.urls import applications, numbers, sender_ids, subaccounts, usage

app_name = "subaccounts"
urlpatterns = [
    *applications.urlpatterns,
    *numbers.urlpatterns,
    *sender_ids.urlpatterns,
    *subaccounts.urlpatterns,
    *usage.urlpatterns,
]
