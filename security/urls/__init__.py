"""Addresses of the security app."""

from security.urls import allowlist, audit, factors, welcome

app_name = "security"
urlpatterns = [
    *welcome.urlpatterns,
    *factors.urlpatterns,
    *audit.urlpatterns,
    *allowlist.urlpatterns,
]
