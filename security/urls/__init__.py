"""Addresses of the security app."""

from security.urls import allowlist, audit, compromise, factors, passkeys, session_policy, welcome

app_name = "security"
urlpatterns = [
    *welcome.urlpatterns,
    *factors.urlpatterns,
    *audit.urlpatterns,
    *allowlist.urlpatterns,
    *session_policy.urlpatterns,
]
