"""Addresses of the security app."""

from security.urls import (
    allowlist,
    audit,
    compromise,
    factors,
    passkeys,
    recovery,
    scim,
    session_policy,
    sign_in_rules,
    sso_settings,
    sso_sign_in,
    webhooks,
    welcome,
)

app_name = "security"
urlpatterns = [
    *welcome.urlpatterns,
    *recovery.urlpatterns,
    *factors.urlpatterns,
    *passkeys.urlpatterns,
    *audit.urlpatterns,
    *session_policy.urlpatterns,
    *sign_in_rules.urlpatterns,
    *sso_sign_in.urlpatterns,
    *allowlist.urlpatterns,
    *sso_settings.urlpatterns,
    *webhooks.urlpatterns,
    *scim.urlpatterns,
    *compromise.urlpatterns,
]
