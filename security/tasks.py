"""Mail every change of a second factor, and sweep what nobody confirmed."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from accounts.models import User
from accounts.queries.devices import device_name
from accounts.services.links import address_of
from accounts.services.not_me import make_not_me_link
from console.core.addresses import parse_address
from console.core.events import EventKind, subscriber
from console.core.geo import place_of
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from security import queries
from security.models import AuthenticatorDevice, HeldAct, PhoneChange

_FEW_CODES = 3
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


@shared_task(name="security.sweep_expired")
def sweep_expired() -> None:
    """Delete held acts, unconfirmed apps and new numbers whose time is over."""
    now = timezone.now()
    PhoneChange.objects.filter(expires_at__lt=now).delete()
    HeldAct.objects.filter(expires_at__lt=now).delete()
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
