"""Addresses of Auth Tokens, the API reference, and the account in the HTTP API."""

from django.urls import path

from accounts import api
from accounts.views import api_reference, credentials, rotation

_CREDENTIALS = "<auth_id:account>/account/settings/credentials"

urlpatterns = [
    path(f"{_CREDENTIALS}/", credentials.credential_list, name="credential_list"),
    path(f"{_CREDENTIALS}/make/", credentials.credential_make, name="credential_make"),
    path(f"{_CREDENTIALS}/<uuid:public_id>/revoke/", credentials.credential_revoke, name="credential_revoke"),
    path(f"{_CREDENTIALS}/<uuid:public_id>/callers/", rotation.credential_callers, name="credential_callers"),
    path(f"{_CREDENTIALS}/<uuid:public_id>/extend/", rotation.credential_extend, name="credential_extend"),
    path("<auth_id:account>/api-reference/", api_reference.api_reference, name="api_reference"),
    *api.urlpatterns,
]
