"""Let the provider's staff verify, approve and reject recoveries: two different people, neither for themselves."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from console.core.access import AccessRefused, Actor
from console.core.errors import DomainError
from console.core.events import EventKind
from console.core.permissions import Gate
from security.models import RecoveryRequest
from security.services.recovery_request import close, lock_open, note

State = RecoveryRequest.State
VERIFY, APPROVE = "security.verify_recovery", "security.approve_recovery"
_DAY = timedelta(days=1)


class RecoveryDecided(DomainError):
    """The request is not in the state that the decision needs."""

    code = "recovery_decided"


class SecondPersonNeeded(DomainError):
    """The same staff member may not do both, nor decide about themselves."""

    code = "second_person_needed"


@transaction.atomic
def verify_recovery(*, actor: Actor, public_id: uuid.UUID, evidence: str, remark: str, now: datetime) -> None:
    """Note by what the person was known; the waiting time begins, and everybody concerned is told.

    :raises RecoveryDecided: if the request does not wait for it
    :raises SecondPersonNeeded: for one's own request
    """
    actor.require_staff()
    _require(actor, VERIFY)
    row = _lock(public_id, {State.CONFIRMED}, now)
    if actor.user == row.user:
        raise SecondPersonNeeded("Nobody verifies their own recovery.")
    if evidence not in RecoveryRequest.Evidence.values or not remark:
        raise RecoveryDecided("Write down how you verified who asks.", code="evidence_missing")
    row.state, row.verified_by, row.verified_at = State.VERIFIED, actor.user, now
    row.evidence, row.note = evidence, remark
    row.waits_until = now + timedelta(hours=settings.CONSOLE_RECOVERY_HOURS)
    row.expires_at = row.waits_until + timedelta(days=settings.CONSOLE_RECOVERY_DAYS)
    row.notice_at = now + _DAY if now + _DAY < row.waits_until else None
    row.save()
    note(EventKind.RECOVERY_VERIFIED, row, actor, evidence=evidence, waits_until=row.waits_until)


@transaction.atomic
def approve_recovery(*, actor: Actor, public_id: uuid.UUID, now: datetime) -> None:
    """Approve what another staff member verified; the link leaves when the waiting time is over.

    :raises RecoveryDecided: if the request does not wait for it
    :raises SecondPersonNeeded: if the actor verified it, or asks for themselves
    """
    actor.require_staff()
    _require(actor, APPROVE)
    row = _lock(public_id, {State.VERIFIED}, now)
    if actor.user in {row.verified_by, row.user}:
        raise SecondPersonNeeded("You verified this request, or it is your own. Another person approves it.")
    row.state, row.approved_by, row.approved_at = State.APPROVED, actor.user, now
    row.save(update_fields=["state", "approved_by", "approved_at"])
    note(EventKind.RECOVERY_APPROVED, row, actor)


@transaction.atomic
def reject_recovery(*, actor: Actor, public_id: uuid.UUID, reason: str, now: datetime) -> None:
    """Reject the request, at any time before its link is used; the person reads the reason.

    :raises RecoveryDecided: if there is nothing to reject, or no reason
    """
    actor.require_staff()
    _require(actor, VERIFY, APPROVE)
    row = _lock(public_id, {State.CONFIRMED, State.VERIFIED, State.APPROVED, State.READY}, now)
    if actor.user == row.user:
        raise SecondPersonNeeded("Nobody decides about their own recovery.")
    if not reason:
        raise RecoveryDecided("Write why. The customer reads it.", code="reason_missing")
    row.reason = reason
    row.save(update_fields=["reason"])
    close(row, State.REJECTED, actor, now=now, reason=reason)


def _lock(public_id: uuid.UUID, states: set[State], now: datetime) -> RecoveryRequest:
    row = lock_open(public_id, now=now)
    if row.state not in states:
        raise RecoveryDecided("Somebody decided before you. Open the request again.")
    return row


def _require(actor: Actor, *permissions: str) -> None:
    if not any(actor.user.has_perm(permission) for permission in permissions):
        raise AccessRefused(Gate.STAFF)
