"""Hand out what a provider's answer led to, once, to the browser that asked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import Session, User
from console.core import crypto
from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.requests import Origin
from security.models import SsoConnection, SsoLink, SsoRequest, SsoSession
from security.services.sso_errors import SsoRefused

_WAITS = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the provider vouched for, and how long and how far."""

    connection: SsoConnection
    user: User
    link: SsoLink
    session_index: str
    is_two_factor: bool
    ends_at: datetime | None


def waiting_answer(*, browser: str, now: datetime) -> SsoRequest:
    """Return the newest answer that waits for this browser.

    :raises SsoRefused: if none does
    """
    rows = SsoRequest.objects.filter(
        browser=crypto.token_digest(browser), finished_at=None, used_at__gt=now - _WAITS
    )
    rows = rows.exclude(answer=None).select_related("connection__account", "user")
    found = rows.order_by("-used_at").first() if browser else None
    if found is None:
        raise SsoRefused("stale", "no answer waits for this browser")
    return found


@transaction.atomic
def take_waiting(*, asked: SsoRequest, now: datetime) -> SsoRequest:
    """Mark the answer as handed out, and return it.

    :raises SsoRefused: if it was handed out before, or single sign-on was switched off meanwhile
    """
    row = SsoRequest.objects.select_for_update(of=("self",)).select_related("connection__account", "user")
    found = row.get(pk=asked.pk)
    if found.finished_at is not None:
        raise SsoRefused("stale", "the answer was handed out before")
    if found.purpose != SsoRequest.Purpose.TEST and not found.connection.is_on:
        raise SsoRefused("off", "single sign-on is not on")
    found.finished_at = now
    found.save(update_fields=["finished_at"])
    return found


def vouched_by(asked: SsoRequest) -> Vouched:
    """Return whom the handed-out answer vouches for.

    :raises SsoRefused: if the link was taken away meanwhile
    """
    answer: dict[str, Any] = asked.answer or {}
    link = SsoLink.objects.select_related("user").filter(pk=answer["link"]).first()
    if link is None or not link.user.is_active:
        raise SsoRefused("person", "the link or the person is gone")
    ends_at = answer.get("ends_at")
    return Vouched(
        connection=asked.connection,
        user=link.user,
        link=link,
        session_index=answer["session_index"],
        is_two_factor=answer["is_two_factor"],
        ends_at=datetime.fromisoformat(ends_at) if ends_at else None,
    )


@transaction.atomic
def note_session(*, vouched: Vouched, session_id: UUID, now: datetime) -> None:
    """Remember that the session rests on the provider's word, so that its logout ends it."""
    SsoSession.objects.update_or_create(
        session_id=session_id,
        defaults={"link": vouched.link, "session_index": vouched.session_index, "made_at": now},
    )


@transaction.atomic
def note_step_up(*, user: User, session: Session, origin: Origin, now: datetime) -> None:
    """Mark the session as confirmed by a fresh sign-in at the provider."""
    Session.objects.filter(pk=session.pk).update(confirmed_at=now)
    record(EventKind.STEP_UP_PASSED, actor=Actor.person(user, origin=origin), target=user, method="sso")
