"""Addresses of the page about a compromised account, of lock-downs and of the security check-up."""

from django.urls import path

from security.views import checkup, compromise, lockdown, not_me, reverify

_SECURITY = "<auth_id:account>/account/settings/security/"
_COMPROMISE = f"{_SECURITY}compromise/"
_CHECKUP = f"{_SECURITY}check-up/"

urlpatterns = [
    path(_COMPROMISE, compromise.compromise, name="compromise"),
    path(
        f"{_COMPROMISE}anomalies/<uuid:public_id>/acknowledge/",
        compromise.anomaly_acknowledge,
        name="anomaly_acknowledge",
    ),
    path(
        f"{_COMPROMISE}sessions/<uuid:session>/end/",
        compromise.member_session_end,
        name="member_session_end",
    ),
    path(
        f"{_COMPROMISE}members/<uuid:public_id>/sign-out/", compromise.member_sign_out, name="member_sign_out"
    ),
    path(f"{_COMPROMISE}lock-down/", lockdown.lock_down, name="lock_down"),
    path(f"{_COMPROMISE}way-back/", lockdown.way_back, name="way_back"),
    path(f"{_COMPROMISE}way-back/tokens/", lockdown.tokens_reopen, name="tokens_reopen"),
    path(f"{_COMPROMISE}way-back/reopen/", lockdown.account_reopen, name="account_reopen"),
    path(f"{_COMPROMISE}way-back/<slug:step>/", lockdown.step_tick, name="step_tick"),
    path(_CHECKUP, checkup.checkup, name="checkup"),
    path(f"{_CHECKUP}<slug:check>/snooze/", checkup.finding_snooze, name="finding_snooze"),
    path(f"{_CHECKUP}<slug:check>/unsnooze/", checkup.finding_unsnooze, name="finding_unsnooze"),
    path("sign-in/once-more/", reverify.reverify, name="reverify"),
    path("sign-in/once-more/send/", reverify.reverify_send, name="reverify_send"),
    path("sign-in/once-more/recovery/", reverify.reverify_recovery, name="reverify_recovery"),
    path("lock-down/", not_me.not_me_lock, name="not_me_lock"),
    path("lock-down/send/", not_me.not_me_send, name="not_me_send"),
    path("lock-down/<slug:method>/", not_me.not_me_lock, name="not_me_lock_with"),
]
