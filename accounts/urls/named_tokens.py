"""Addresses of named tokens, of the policy for tokens, and of leaked ones."""

from django.urls import path

from accounts.views import leaks, named_tokens

_CREDENTIALS = "<auth_id:account>/account/settings/credentials"
_NAMED = f"{_CREDENTIALS}/named"

urlpatterns = [
    path(f"{_NAMED}/make/", named_tokens.named_token_make, name="named_token_make"),
    path(f"{_NAMED}/<uuid:public_id>/", named_tokens.named_token_change, name="named_token_change"),
    path(f"{_NAMED}/<uuid:public_id>/revoke/", named_tokens.named_token_revoke, name="named_token_revoke"),
    path(f"{_CREDENTIALS}/lifetime/", named_tokens.token_lifetime_edit, name="token_lifetime"),
    path("v1/token-scan/", leaks.token_scan, name="api_token_scan"),
    path("v1/token-burn/", leaks.token_burn, name="api_token_burn"),
    path("found-a-token/", leaks.found_token, name="found_token"),
    path("found-a-token/thanks/", leaks.found_token_thanks, name="found_token_thanks"),
]
