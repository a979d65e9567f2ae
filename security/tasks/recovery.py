"""Carry recoveries: what time brings, and every channel on which the person is told."""

from typing import Any

from celery import shared_task
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.queries.devices import device_name
from accounts.services.links import address_of as not_me_address
from accounts.services.not_me import make_not_me_link
from console.core.events import EventKind, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from console.core.texts import queue_text
from security.models import RecoveryRequest
from security.services import recovery_request
from security.services.recovery_links import CANCEL, CONFIRM, FINISH, address_of
from teams.queries import accounts_of, contacts_of

_CLOSED = {
    EventKind.RECOVERY_CANCELLED: "cancelled",
    EventKind.RECOVERY_REJECTED: "rejected",
    EventKind.RECOVERY_EXPIRED: "expired",
}


@shared_task(name="security.advance_recoveries")
def advance_recoveries() -> None:
    """Send, remind, expire and cancel what is due."""
    recovery_request.advance_recoveries(now=timezone.now())


@subscriber(
    EventKind.RECOVERY_ASKED,
    EventKind.RECOVERY_VERIFIED,
    EventKind.RECOVERY_REMINDED,
    EventKind.RECOVERY_READY,
    EventKind.RECOVERY_CANCELLED,
    EventKind.RECOVERY_REJECTED,
    EventKind.RECOVERY_EXPIRED,
    EventKind.RECOVERY_DONE,
)
def mail_recovery(event: AuditEvent) -> None:
    """Tell the person how their recovery stands, with a link to cancel it while it waits."""
    row = _row(event)
    if row is None:
        return
    template, context = _mail(event, row)
    key = f"event:{event.public_id}"
    queue_mail(f"security/{template}", to=row.email, key=key, context=_facts(row) | context)


def _row(event: AuditEvent) -> RecoveryRequest | None:
    """Return the request of the event; those on the chains of accounts and staff send nothing of their own."""
    if event.account_id or event.actor_kind == "staff":
        return None
    return RecoveryRequest.objects.select_related("user").get(pk=event.target_id)


def _facts(row: RecoveryRequest) -> dict[str, Any]:
    asked = f"{row.asked_at:%a} {row.asked_at.day} {row.asked_at:%b %Y, %H:%M} UTC"
    return {
        "row": row,
        "hours": settings.CONSOLE_RECOVERY_HOURS,
        "confirm_hours": settings.CONSOLE_RECOVERY_CONFIRM_HOURS,
        "link_hours": settings.CONSOLE_RECOVERY_LINK_HOURS,
        "weak_hours": settings.CONSOLE_FACTOR_WEAK_HOURS,
        "cancel_url": address_of(row, CANCEL, detail="mail"),
        "facts": [("Asked for", asked), ("From", row.asked_from or "unknown")],
    }


def _mail(event: AuditEvent, row: RecoveryRequest) -> tuple[str, dict[str, Any]]:
    kind = EventKind(event.kind)
    if kind == EventKind.RECOVERY_ASKED:
        device = ("Device", device_name(event.user_agent))
        return "recovery_confirm", {
            "button_url": address_of(row, CONFIRM),
            "facts": [*_facts(row)["facts"], device],
        }
    if kind == EventKind.RECOVERY_READY:
        return "recovery_ready", {"button_url": address_of(row, FINISH, detail=str(row.link_number))}
    if kind == EventKind.RECOVERY_DONE:
        link = make_not_me_link(user=row.user, device=None, now=timezone.now())
        return "recovery_done", {"button_url": not_me_address(link, route="accounts:not_me_open")}
    if kind in _CLOSED:
        facts = {"how": _CLOSED[kind], "channel": event.data.get("channel", "")}
        reset_url = settings.BASE_URL + reverse("accounts:password_reset")
        return "recovery_closed", facts | {"button_url": reset_url}
    return "recovery_waits", {
        "is_reminder": kind == EventKind.RECOVERY_REMINDED,
        "told": [person.full_name for person in _others(row)],
    }


def _others(row: RecoveryRequest) -> list[User]:
    """Return the owners and admins of the person's accounts, each once."""
    found = {person.pk: person for account in accounts_of(row.user) for person in contacts_of(account)}
    found.pop(row.user_id, None)
    return list(found.values())


@subscriber(EventKind.RECOVERY_VERIFIED)
def mail_recovery_contacts(event: AuditEvent) -> None:
    """Tell the owners and admins of the person's accounts, each with a link of their own to cancel."""
    row = _row(event)
    if row is None or not row.is_open:
        return
    for person in _others(row):
        context = _facts(row) | {"cancel_url": address_of(row, CANCEL, detail="contact"), "person": row.user}
        key = f"recovery:{row.public_id}:{person.pk}"
        queue_mail("security/recovery_contact", to=person.email, key=key, context=context)


@subscriber(EventKind.RECOVERY_VERIFIED)
def text_recovery(event: AuditEvent) -> None:
    """Tell the person by text, on the number that will be removed."""
    row = _row(event)
    if row is None or not row.is_open or not row.user.phone or row.waits_until is None:
        return
    until = f"{row.waits_until:%a} {row.waits_until.day} {row.waits_until:%b, %H:%M} UTC"
    text = (
        f"{settings.SITE_NAME}: all your second factors will be removed after {until}. "
        f"Not you? Cancel: {address_of(row, CANCEL, detail='text')}"
    )
    queue_text(
        channel="sms",
        to=row.user.phone,
        text=text,
        key=f"recovery:{row.public_id}:text",
        expires_at=row.waits_until,
    )
