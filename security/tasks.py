"""Mail every change of a second factor, and sweep what nobody confirmed."""

from datetime import timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, User
from accounts.queries.devices import device_name
from accounts.services.links import address_of
from accounts.services.not_me import make_not_me_link
from console.core.addresses import parse_address
from console.core.events import EventKind, subscriber
from console.core.geo import place_of
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from security import queries
from security.models import ApiCaller, AuthenticatorDevice, HeldAct, PhoneChange
from security.services import allowlist, callers
from teams.queries import contacts_of

_FEW_CODES = 3
_ALLOWLIST_MAILS: dict[str, str] = {
    EventKind.ALLOWLIST_APPROVED: "allowlist_approved",
    EventKind.ALLOWLIST_DECLINED: "allowlist_declined",
    EventKind.ALLOWLIST_REVERTED: "allowlist_reverted",
}
_NAMES = {queries.APP: "authenticator app", queries.PHONE: "phone number"}


@subscriber(EventKind.FACTOR_ADDED)
def mail_factor_added(event: AuditEvent) -> None:
    """Tell the person that a second factor was added."""
    _mail_about(event, "factor_added", factor=_NAMES.get(event.data["factor"], "second factor"))


@subscriber(EventKind.FACTOR_REMOVED)
def mail_factor_removed(event: AuditEvent) -> None:
    """Tell the person that a second factor was removed; a replaced one is told by the mail about the new one."""
    if event.data["reason"] != "replaced":
        _mail_about(event, "factor_removed", factor=_NAMES.get(event.data["factor"], "second factor"))


@subscriber(EventKind.RECOVERY_CODES_MADE)
def mail_recovery_codes_made(event: AuditEvent) -> None:
    """Tell the person that new recovery codes replaced the old ones."""
    _mail_about(event, "recovery_codes_made", count=event.data["count"])


@subscriber(EventKind.RECOVERY_CODE_USED)
def mail_recovery_code_used(event: AuditEvent) -> None:
    """Tell the person that a recovery code was used, and warn when few are left."""
    left = event.data["codes_left"]
    _mail_about(event, "recovery_code_used", left=left, is_warning=left <= _FEW_CODES)


@subscriber(EventKind.PHONE_CHANGE_ASKED)
def mail_phone_change_asked(event: AuditEvent) -> None:
    """Tell the person that a new number waits for its code."""
    _mail_about(event, "phone_change_asked", new=event.data["after"][-2:], old=event.data["before"][-2:])


@subscriber(EventKind.PHONE_CHANGED)
def mail_phone_changed(event: AuditEvent) -> None:
    """Tell the person that the new number took the place of the old one."""
    _mail_about(event, "phone_changed", new=event.data["after"][-2:], old=event.data["before"][-2:])


@subscriber(EventKind.DEVICE_DISOWNED, EventKind.PASSWORD_RESET)
def forget_phone_change(event: AuditEvent) -> None:
    """Forget a new number that somebody else may have asked for."""
    PhoneChange.objects.filter(user_id=event.user_id or 0, created_at__lte=event.at).delete()


@shared_task(name="security.flush_callers", ignore_result=True)
def flush_callers() -> None:
    """Write to the database which addresses called the API."""
    callers.flush_callers()


@shared_task(name="security.revert_allowlists")
def revert_allowlists() -> None:
    """Put allowlists back to report only that nobody confirmed in time."""
    allowlist.revert_due(now=timezone.now())


@subscriber(
    EventKind.ALLOWLIST_APPROVED,
    EventKind.ALLOWLIST_DECLINED,
    EventKind.ALLOWLIST_MODE_CHANGED,
    EventKind.ALLOWLIST_REVERTED,
)
def mail_allowlist(event: AuditEvent) -> None:
    """Tell owner and admins what was decided about the IP allowlist, or that it refuses calls, or does not."""
    account = Account.objects.get(pk=event.account_id or 0)
    name = _ALLOWLIST_MAILS.get(event.kind, "") or _mode_mail(event)
    if not name:
        return
    url = settings.BASE_URL + reverse("security:allowlist", kwargs={"account": account.auth_id})
    facts = [("Account", f"{account.name}, {account.auth_id}")]
    # Staff act for the provider: the customer is told what was decided, not by whom.
    facts += [("By", event.actor_label), ("From", event.ip or "")] if event.actor_kind == "user" else []
    context = {"account": account, "event": event, "facts": facts, "note": event.data.get("note", "")}
    context |= {
        "minutes": settings.CONSOLE_ALLOWLIST_CONFIRM_MINUTES,
        "button_url": url,
        "button_label": "Open IP Whitelisting",
    }
    for person in contacts_of(account):
        key = f"event:{event.public_id}:{person.pk}"
        queue_mail(f"security/{name}", to=person.email, key=key, context=context)


def _mode_mail(event: AuditEvent) -> str:
    if event.data["after"] == "enforcing":
        return "allowlist_enforcing"
    # Between off and report only nothing changes for callers.
    return "allowlist_relaxed" if event.data["before"] == "enforcing" else ""


@shared_task(name="security.sweep_expired")
def sweep_expired() -> None:
    """Delete held acts, unconfirmed apps and new numbers whose time is over, and old callers."""
    now = timezone.now()
    PhoneChange.objects.filter(expires_at__lt=now).delete()
    HeldAct.objects.filter(expires_at__lt=now).delete()
    oldest = now.date() - timedelta(days=settings.CONSOLE_CALLER_DAYS)
    ApiCaller.unscoped.filter(day__lt=oldest).delete()
    AuthenticatorDevice.objects.filter(confirmed=False, created_at__lt=now - queries.PENDING_FOR).delete()


def _mail_about(event: AuditEvent, template: str, **context: Any) -> None:
    """Queue a mail with time, device, place and address of the change, and a way to act on it."""
    user = User.objects.get(pk=event.user_id or 0)
    link = make_not_me_link(user=user, device=None, now=timezone.now())
    place = str(place_of(parse_address(event.ip or "")))
    facts = [
        ("Time", f"{event.at:%a} {event.at.day} {event.at:%b %Y, %H:%M} UTC"),
        ("Device", device_name(event.user_agent)),
        ("Place", place[:1].upper() + place[1:]),
        ("Address", event.ip or "unknown"),
    ]
    context |= {"facts": facts, "button_url": address_of(link, route="accounts:not_me_open")}
    queue_mail(f"security/{template}", to=user.email, key=f"event:{event.public_id}", context=context)
