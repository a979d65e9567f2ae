"""A mail about a person's own security."""

from typing import Any

from django.utils import timezone

from accounts.models import User
from accounts.queries.devices import device_name
from accounts.services.links import address_of
from accounts.services.not_me import make_not_me_link
from console.core.addresses import parse_address
from console.core.geo import place_of
from console.core.mail import queue_mail
from console.core.models import AuditEvent


def mail_about(event: AuditEvent, template: str, **context: Any) -> None:
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
