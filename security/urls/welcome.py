"""Addresses of onboarding, of the second step of signing in, and of confirming an act."""

from django.urls import path

from security.views import confirm, enrolment, phone, second_factor

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
    path("sign-in/second-factor/passkey/", second_factor.second_factor_passkey, name="second_factor_passkey"),
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
]
