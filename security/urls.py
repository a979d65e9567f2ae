"""Addresses of the security app."""

from django.urls import path

from security.views import allowlist, audit, confirm, enrolment, factors, phone, phone_change, second_factor

app_name = "security"
_SETTINGS = "<auth_id:account>/account/settings/security/"
_AUDIT = "<auth_id:account>/account/settings/audit-log/"
_ALLOWLIST = "<auth_id:account>/account/settings/ip-whitelisting/"

urlpatterns = [
    path("welcome/phone/", phone.phone, name="phone"),
    path("welcome/phone/code/", phone.phone_code, name="phone_code"),
    path("welcome/phone/code/send/", phone.phone_code_send, name="phone_code_send"),
    path("welcome/second-factor/", enrolment.choose_factor, name="choose_factor"),
    path("welcome/authenticator/phone/", enrolment.enrol_phone, name="enrol_phone"),
    path("welcome/authenticator/phone/send/", enrolment.enrol_phone_send, name="enrol_phone_send"),
    path("welcome/authenticator/", enrolment.enrol_app, name="enrol_app"),
    path("welcome/recovery-codes/", enrolment.recovery_codes_first, name="recovery_codes_first"),
    path(
        "welcome/recovery-codes/file/",
        enrolment.recovery_codes_first_file,
        name="recovery_codes_first_file",
    ),
    path("sign-in/second-factor/", second_factor.second_factor, name="second_factor"),
    path("sign-in/second-factor/app/", second_factor.second_factor_app, name="second_factor_app"),
    path("sign-in/second-factor/phone/", second_factor.second_factor_phone, name="second_factor_phone"),
    path("sign-in/second-factor/phone/send/", second_factor.second_factor_send, name="second_factor_send"),
    path(
        "sign-in/second-factor/recovery/",
        second_factor.second_factor_recovery,
        name="second_factor_recovery",
    ),
    path("confirm/<uuid:act>/", confirm.confirm, name="confirm"),
    path("confirm/<uuid:act>/send/", confirm.confirm_send, name="confirm_send"),
    path("confirm/<uuid:act>/<slug:method>/", confirm.confirm, name="confirm_with"),
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
    path(_AUDIT, audit.log, name="audit_log"),
    path(f"{_AUDIT}csv/", audit.csv, name="audit_csv"),
    path(f"{_AUDIT}json/", audit.json, name="audit_json"),
    path(f"{_AUDIT}verify/", audit.verify, name="audit_verify"),
    path(f"{_AUDIT}verify/<uuid:public_id>/", audit.result, name="audit_result"),
    path(f"{_AUDIT}<uuid:public_id>/", audit.event, name="audit_event"),
    path(_ALLOWLIST, allowlist.allowlist, name="allowlist"),
    path(f"{_ALLOWLIST}request/", allowlist.allowlist_request, name="allowlist_request"),
    path(f"{_ALLOWLIST}add/", allowlist.allowlist_add, name="allowlist_add"),
    path(f"{_ALLOWLIST}mode/<slug:mode>/", allowlist.allowlist_mode, name="allowlist_mode"),
    path(f"{_ALLOWLIST}confirm/", allowlist.allowlist_confirm, name="allowlist_confirm"),
    path(f"{_ALLOWLIST}<uuid:public_id>/", allowlist.allowlist_change, name="allowlist_change"),
    path(f"{_ALLOWLIST}<uuid:public_id>/remove/", allowlist.allowlist_remove, name="allowlist_remove"),
]
