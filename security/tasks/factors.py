"""Mail every change of a second factor."""

from django.utils import timezone

from console.core.errors import TooManyRequests
from console.core.events import EventKind, subscriber
from console.core.models import AuditEvent
from console.core.ratelimit import Limit, spend
from security import queries
from security.models import PhoneChange
from security.tasks.mails import mail_about

_FEW_CODES = 3
_COPY_MAILS = Limit("mail-passkey-copy", 1, 3600)
_NAMES = {queries.APP: "authenticator app", queries.PHONE: "phone number"}


@subscriber(EventKind.FACTOR_ADDED)
def mail_factor_added(event: AuditEvent) -> None:
    """Tell the person that a second factor was added."""
    mail_about(event, "factor_added", factor=_factor_name(event))


@subscriber(EventKind.FACTOR_REMOVED)
def mail_factor_removed(event: AuditEvent) -> None:
    """Tell the person that a second factor was removed; a replaced one is told by the mail about the new one."""
    if event.data["reason"] != "replaced":
        mail_about(event, "factor_removed", factor=_factor_name(event))


def _factor_name(event: AuditEvent) -> str:
    if event.data["factor"] == queries.PASSKEY:
        return f"passkey “{event.data['name']}”"
    return _NAMES.get(event.data["factor"], "second factor")


@subscriber(EventKind.PASSKEY_COPY_SUSPECTED)
def mail_passkey_copy(event: AuditEvent) -> None:
    """Tell the person that a passkey was refused because it may be a copy; once an hour for each."""
    try:
        spend(_COPY_MAILS, event.target_id, now=timezone.now())
    except TooManyRequests:
        return
    mail_about(event, "passkey_copy", name=event.data["name"])


@subscriber(EventKind.RECOVERY_CODES_MADE)
def mail_recovery_codes_made(event: AuditEvent) -> None:
    """Tell the person that new recovery codes replaced the old ones."""
    mail_about(event, "recovery_codes_made", count=event.data["count"])


@subscriber(EventKind.RECOVERY_CODE_USED)
def mail_recovery_code_used(event: AuditEvent) -> None:
    """Tell the person that a recovery code was used, and warn when few are left."""
    left = event.data["codes_left"]
    mail_about(event, "recovery_code_used", left=left, is_warning=left <= _FEW_CODES)


@subscriber(EventKind.PHONE_CHANGE_ASKED)
def mail_phone_change_asked(event: AuditEvent) -> None:
    """Tell the person that a new number waits for its code."""
    mail_about(event, "phone_change_asked", new=event.data["after"][-2:], old=event.data["before"][-2:])


@subscriber(EventKind.PHONE_CHANGED)
def mail_phone_changed(event: AuditEvent) -> None:
    """Tell the person that the new number took the place of the old one."""
    mail_about(event, "phone_changed", new=event.data["after"][-2:], old=event.data["before"][-2:])


@subscriber(EventKind.DEVICE_DISOWNED, EventKind.PASSWORD_RESET)
def forget_phone_change(event: AuditEvent) -> None:
    """Forget a new number that somebody else may have asked for."""
    PhoneChange.objects.filter(user_id=event.user_id or 0, created_at__lte=event.at).delete()
