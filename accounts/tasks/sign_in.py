"""Mail what happens around sign-ins and passwords."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import Device, User
from accounts.queries.devices import device_name
from accounts.services.links import address_of
from accounts.services.not_me import make_not_me_link
from accounts.services.password import make_reset_link
from accounts.services.sessions import unfinished_key
from console.core.addresses import parse_address
from console.core.errors import TooManyRequests
from console.core.events import EventKind, subscriber
from console.core.geo import place_of
from console.core.mail import queue_mail
from console.core.models import AuditEvent, OutgoingMail
from console.core.ratelimit import Limit, spend

_HOUR = 3600
_UNFINISHED_MAILS_AN_HOUR = 3


@subscriber(EventKind.NEW_DEVICE_SEEN)
def mail_new_device(event: AuditEvent) -> None:
    """Tell the person about a sign-in from a new device or network."""
    _mail_about(event, "new_device", device=Device.objects.filter(pk=event.target_id).first())


@subscriber(EventKind.SIGN_IN_COMPLETED)
def mail_unusual_sign_in(event: AuditEvent) -> None:
    """Tell the person about a sign-in after many failures or a long absence."""
    is_unusual = "after_failures" in event.data or "absent_since" in event.data
    if is_unusual and not event.data["is_new"]:
        _mail_about(event, "unusual_sign_in")


@subscriber(EventKind.SIGN_IN_LOCKED)
def mail_locked(event: AuditEvent) -> None:
    """Tell the person that sign-ins were stopped for a while, once an hour at most."""
    if event.user_id and _may_mail("locked", 1, event):
        _mail_about(event, "locked")


@subscriber(EventKind.SIGN_IN_BEGUN)
def mail_unfinished(event: AuditEvent) -> None:
    """Queue a mail for the day a sign-in with the right password is not finished in time.

    Finishing the sign-in takes the mail out of the queue.
    """
    user = _person(event)
    binding = event.data["binding"]
    later = AuditEvent.objects.filter(user_id=user.pk, pk__gt=event.pk, kind=EventKind.SIGN_IN_COMPLETED)
    is_onboarding = user.email_verified_at is None or user.phone_verified_at is None
    if is_onboarding or later.filter(data__binding=binding).exists():
        return
    if not _may_mail("unfinished", _UNFINISHED_MAILS_AN_HOUR, event):
        return
    mail = _mail_about(event, "unfinished", key=unfinished_key(binding))
    if mail is not None:
        mail.due_at = event.at + timedelta(minutes=settings.CONSOLE_SIGN_IN_MINUTES)
        mail.save(update_fields=["due_at"])


@subscriber(EventKind.SESSION_ENDED)
def mail_session_displaced(event: AuditEvent) -> None:
    """Tell the person that a session ended because there were too many."""
    if event.data.get("reason") == "limit":
        _mail_about(event, "session_displaced")


@subscriber(EventKind.PASSWORD_RESET_REQUESTED)
def mail_password_reset(event: AuditEvent) -> None:
    """Send the link that sets a new password."""
    user = _person(event)
    link = make_reset_link(user=user, now=timezone.now())
    address = address_of(link, route="accounts:password_reset_open")
    context = _facts(event) | {"button_url": address, "minutes": settings.CONSOLE_RESET_MINUTES}
    queue_mail("accounts/password_reset", to=user.email, key=f"event:{event.public_id}", context=context)


@subscriber(EventKind.PASSWORD_CHANGED, EventKind.PASSWORD_RESET)
def mail_password_changed(event: AuditEvent) -> None:
    """Tell the person that the password is another one."""
    _mail_about(event, "password_changed")


def _person(event: AuditEvent) -> User:
    return User.objects.get(pk=event.user_id or 0)


def _may_mail(name: str, count: int, event: AuditEvent) -> bool:
    try:
        spend(Limit(f"mail-{name}", count, _HOUR), str(event.user_id), now=timezone.now())
    except TooManyRequests:
        return False
    return True


def _mail_about(
    event: AuditEvent, template: str, *, device: Device | None = None, key: str = ""
) -> OutgoingMail | None:
    """Queue a mail with the facts of the event and a "this wasn't me" link."""
    user = _person(event)
    link = make_not_me_link(user=user, device=device, now=timezone.now())
    address = address_of(link, route="accounts:not_me_open")
    context = _facts(event) | {"button_url": address, "person": user, "event": event}
    return queue_mail(
        f"accounts/{template}", to=user.email, key=key or f"event:{event.public_id}", context=context
    )


def _facts(event: AuditEvent) -> dict[str, Any]:
    place = str(place_of(parse_address(event.ip or "")))
    facts = [
        ("Time", f"{event.at:%a} {event.at.day} {event.at:%b %Y, %H:%M} UTC"),
        ("Device", device_name(event.user_agent)),
        ("Place", place.capitalize() if place == "unknown place" else place),
        ("Address", event.ip or "unknown"),
    ]
    return {"facts": facts, "data": event.data, "at": event.at}
