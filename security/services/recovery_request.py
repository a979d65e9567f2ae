"""Ask for recovery after losing every factor, confirm it, cancel it, and carry it through its waiting time."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.models import User
from accounts.queries.rules import network_key
from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.ratelimit import Limit, spend
from console.core.requests import Origin
from security.models import RecoveryRequest
from security.services.recovery_links import refuse
from teams.queries import accounts_of

State = RecoveryRequest.State
_ASKED = Limit("recovery", 3, 86_400)
_ASKED_FROM = Limit("recovery-network", 20, 3600)
_NOTICE_EVERY = timedelta(days=1)


def ask_recovery(*, user: User, story: str, origin: Origin, now: datetime) -> None:
    """Begin a recovery and mail the link that confirms it; the answer is the same whatever exists already.

    A request that staff have in hand goes on; one whose mail was not confirmed gives way to the new one.

    :raises TooManyRequests: at a limit of the person or the network
    """
    spend(_ASKED_FROM, network_key(origin.ip), now=now)
    spend(_ASKED, str(user.pk), now=now)
    with transaction.atomic():
        locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        before = RecoveryRequest.objects.filter(user=locked, closed_at=None).first()
        if before is not None and before.state != State.ASKED:
            return
        if before is not None:
            _end(before, State.EXPIRED, by="replaced", now=now)
        _begin(locked, story, origin, now)


def _begin(user: User, story: str, origin: Origin, now: datetime) -> None:
    row = RecoveryRequest.objects.create(
        user=user,
        email=user.email,
        story=story,
        asked_at=now,
        asked_from=origin.ip,
        expires_at=now + timedelta(hours=settings.CONSOLE_RECOVERY_CONFIRM_HOURS),
    )
    note(EventKind.RECOVERY_ASKED, row, Actor(user=user, kind="visitor", origin=origin))


def lock_open(public_id: uuid.UUID, *, now: datetime) -> RecoveryRequest:
    """Return the open request, locked until the caller's transaction ends.

    :raises RecoveryRefused: if it is unknown, closed or expired, or the person got in since by a factor
    """
    rows = RecoveryRequest.objects.select_for_update(of=("self",)).select_related("user")
    row = rows.filter(public_id=public_id).first()
    if row is None:
        refuse("altered")
    if not row.is_open or _got_in(row) or row.email != row.user.email or not row.user.is_active:
        refuse("over")
    if row.expires_at <= now:
        refuse("expired")
    return row


def find_request(public_id: uuid.UUID, *, now: datetime) -> RecoveryRequest:
    """Return the open request for a page about it.

    :raises RecoveryRefused: if nothing may come of it any more
    """
    with transaction.atomic():
        return lock_open(public_id, now=now)


def _got_in(row: RecoveryRequest) -> bool:
    """Say whether the person finished a sign-in since: nobody does without a factor."""
    return row.user.last_login is not None and row.user.last_login > row.asked_at


@transaction.atomic
def confirm_recovery(*, public_id: uuid.UUID, origin: Origin, now: datetime) -> None:
    """Put the request into the queue of the staff: its mail reached the person.

    :raises RecoveryRefused: if the link was used, or the request is over
    """
    row = lock_open(public_id, now=now)
    if row.state != State.ASKED:
        refuse("used")
    row.state, row.confirmed_at = State.CONFIRMED, now
    row.expires_at = now + timedelta(days=settings.CONSOLE_RECOVERY_DAYS)
    row.save(update_fields=["state", "confirmed_at", "expires_at"])
    note(EventKind.RECOVERY_CONFIRMED, row, Actor(user=row.user, kind="visitor", origin=origin))


@transaction.atomic
def cancel_recovery(*, public_id: uuid.UUID, channel: str, origin: Origin, now: datetime) -> None:
    """Cancel the request by a link from one of the channels; nothing was changed until then.

    :raises RecoveryRefused: if it is over already
    """
    row = lock_open(public_id, now=now)
    _end(row, State.CANCELLED, by=channel, now=now)
    actor = Actor(user=row.user, kind="visitor", origin=origin)
    note(EventKind.RECOVERY_CANCELLED, row, actor, channel=channel)


def _end(row: RecoveryRequest, state: State, *, by: str, now: datetime) -> None:
    row.state, row.closed_by, row.closed_at, row.notice_at = state, by, now, None
    row.save(update_fields=["state", "closed_by", "closed_at", "notice_at"])


def close(row: RecoveryRequest, state: State, actor: Actor, *, now: datetime, **facts: Any) -> None:
    """Close the locked request for a reason other than a cancel link."""
    _end(row, state, by=actor.kind, now=now)
    kinds = {
        State.CANCELLED: EventKind.RECOVERY_CANCELLED,
        State.REJECTED: EventKind.RECOVERY_REJECTED,
        State.EXPIRED: EventKind.RECOVERY_EXPIRED,
    }
    note(kinds[state], row, actor, **facts)


# --- What time brings ------------------------------------------------------------------------


def advance_recoveries(*, now: datetime) -> int:
    """Do what is due for each open request, and return for how many something was; safe to run twice."""
    ids = RecoveryRequest.objects.filter(closed_at=None).order_by("asked_at").values_list("pk", flat=True)
    return sum(_advance(pk, now) for pk in list(ids))


@transaction.atomic
def _advance(pk: int, now: datetime) -> bool:
    rows = RecoveryRequest.objects.select_for_update(of=("self",), skip_locked=True).select_related("user")
    row = rows.filter(pk=pk, closed_at=None).first()
    if row is None:
        return False
    if _got_in(row) or row.email != row.user.email or not row.user.is_active:
        close(row, State.CANCELLED, Actor.system(), now=now, channel="sign-in")
    elif row.expires_at <= now:
        close(row, State.EXPIRED, Actor.system(), now=now)
    elif row.state == State.APPROVED and row.waits_until is not None and row.waits_until <= now:
        send_link(row, now=now)
    elif row.notice_at is not None and row.notice_at <= now:
        _notice(row, now)
    else:
        return False
    return True


def send_link(row: RecoveryRequest, *, now: datetime) -> None:
    """Mail a new link to the person of the locked request; the one before stops working."""
    row.state = State.READY if row.is_open else row.state
    row.link_number, row.notice_at = row.link_number + 1, None
    row.expires_at = now + timedelta(hours=settings.CONSOLE_RECOVERY_LINK_HOURS)
    row.save(update_fields=["state", "link_number", "notice_at", "expires_at"])
    note(EventKind.RECOVERY_READY, row, Actor.system())


def _notice(row: RecoveryRequest, now: datetime) -> None:
    """Tell the person again, once for the days that a late sweep missed."""
    following = now + _NOTICE_EVERY
    row.notice_at = following if row.waits_until is not None and following < row.waits_until else None
    row.save(update_fields=["notice_at"])
    note(EventKind.RECOVERY_REMINDED, row, Actor.system())


def note(kind: EventKind, row: RecoveryRequest, actor: Actor, **facts: Any) -> None:
    """Record the event on the person's chain, on that of the staff who acted, and on those of their accounts.

    The accounts learn of it once staff verified who asks; mails hang on the event of the person's chain.
    """
    is_staff = actor.kind == "staff"
    person = Actor(user=row.user, kind="system") if is_staff or actor.user is None else actor
    record(kind, actor=person, target=row, **facts)
    if is_staff:
        record(kind, actor=actor, target=row, **facts)
    if row.verified_at is not None:
        for account in accounts_of(row.user).order_by("pk"):
            record(kind, actor=actor if is_staff else person, account=account, target=row, **facts)
