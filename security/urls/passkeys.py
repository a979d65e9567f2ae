"""Addresses of passkeys and of the questions put to them."""

from django.urls import path

from security.views import passkeys

_PASSKEYS = "<auth_id:account>/account/settings/security/passkeys/"

urlpatterns = [
    path(f"{_PASSKEYS}add/", passkeys.passkey_add, name="passkey_add"),
    path(f"{_PASSKEYS}add/create/", passkeys.passkey_create, name="passkey_create"),
    path(f"{_PASSKEYS}add/create/options/", passkeys.passkey_create_options, name="passkey_create_options"),
    path(f"{_PASSKEYS}<uuid:public_id>/rename/", passkeys.passkey_rename, name="passkey_rename"),
    path(f"{_PASSKEYS}<uuid:public_id>/replace/", passkeys.passkey_replace, name="passkey_replace"),
    path(f"{_PASSKEYS}<uuid:public_id>/remove/", passkeys.passkey_remove, name="passkey_remove"),
    path(
        "sign-in/second-factor/passkey/options/",
        passkeys.second_factor_passkey_options,
        name="second_factor_passkey_options",
    ),
    path(
        "confirm/<uuid:act>/passkey/options/",
        passkeys.confirm_passkey_options,
        name="confirm_passkey_options",
    ),
]
