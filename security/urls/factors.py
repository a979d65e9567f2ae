"""Addresses of a person's factors."""

from django.urls import path

from security.views import factors, phone_change

_SETTINGS = "<auth_id:account>/account/settings/security/"

urlpatterns = [
    path(_SETTINGS, factors.factor_list, name="factor_list"),
    path(f"{_SETTINGS}authenticator/", factors.authenticator_add, name="authenticator_add"),
    path(f"{_SETTINGS}authenticator/phone/", factors.authenticator_phone, name="authenticator_phone"),
    path(
        f"{_SETTINGS}authenticator/phone/send/",
        factors.authenticator_phone_send,
        name="authenticator_phone_send",
    ),
    path(f"{_SETTINGS}authenticator/confirm/", factors.authenticator_confirm, name="authenticator_confirm"),
    path(f"{_SETTINGS}authenticator/remove/", factors.authenticator_remove, name="authenticator_remove"),
    path(f"{_SETTINGS}phone/", phone_change.phone_change, name="phone_change"),
    path(f"{_SETTINGS}phone/code/", phone_change.phone_change_code, name="phone_change_code"),
    path(f"{_SETTINGS}phone/code/send/", phone_change.phone_change_send, name="phone_change_send"),
    path(f"{_SETTINGS}phone/cancel/", phone_change.phone_change_cancel, name="phone_change_cancel"),
    path(f"{_SETTINGS}recovery-codes/make/", factors.recovery_codes_make, name="recovery_codes_make"),
    path(f"{_SETTINGS}recovery-codes/", factors.recovery_codes, name="recovery_codes"),
    path(f"{_SETTINGS}recovery-codes/file/", factors.recovery_codes_file, name="recovery_codes_file"),
]
