"""Tell about ends that come, and record those that came: the rows decide, so a second run changes nothing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from console.core.access import Actor
from console.core.events import EventKind, record
from teams.models import Invitation, Membership
from teams.roles import Role
from teams.services.members import end_idle_sessions, end_invitations_of, end_raise, end_tokens_of

_BATCH = 200
_OTHER_END = ~Q(recorded_end=F("ends_at")) | Q(recorded_end=None)
_OPEN = Q(accepted_at=None, revoked_at=None)


def sweep_ends(*, now: datetime) -> int:
    """Handle everything that is due, a row at a time, and return how many rows were."""
    soon = now + timedelta(days=settings.CONSOLE_END_NOTICE_DAYS)
    unwarned = ~Q(warned_end=F("ends_at")) | Q(warned_end=None)
    near = Membership.unscoped.filter(unwarned, ends_at__gt=now, ends_at__lte=soon)
    over = Membership.unscoped.filter(_OTHER_END, ends_at__lte=now)
    raised = Membership.unscoped.filter(raised_until__lte=now)
    stale = Invitation.unscoped.filter(_OPEN, expires_at__lte=now).filter(
        ~Q(recorded_end=F("expires_at")) | Q(recorded_end=None)
    )
    return (
        _each(near, _warn, now)
        + _each(over, _end, now)
        + _each(raised, _lower, now)
        + _each(stale, _expire, now)
    )


def _each(rows: QuerySet[Any], deed: Callable[[Any, datetime], None], now: datetime) -> int:
    """Do the deed for each row in a transaction of its own; what another worker holds is left to it."""
    done = 0
    for pk in list(rows.order_by("pk").values_list("pk", flat=True)[:_BATCH]):
        with transaction.atomic():
            row = rows.select_for_update(of=("self",), skip_locked=True).filter(pk=pk).first()
            if row is not None:
                deed(row, now)
                done += 1
    return done


def _warn(member: Membership, now: datetime) -> None:
    member.warned_end = member.ends_at
    member.save(update_fields=["warned_end"])
    _record(EventKind.MEMBER_END_NEAR, member, ends_at=member.ends_at)


def _end(member: Membership, now: datetime) -> None:
    member.recorded_end = member.ends_at
    member.save(update_fields=["recorded_end"])
    tokens = end_tokens_of(member, now=now)
    _record(EventKind.MEMBER_ENDED, member, role=Role(member.role).label, tokens=tokens)
    end_invitations_of(member, actor=Actor.system(member.account), now=now)
    end_idle_sessions(member)


def _lower(member: Membership, now: datetime) -> None:
    end_raise(member, actor=Actor.system(member.account))


def _expire(invitation: Invitation, now: datetime) -> None:
    invitation.recorded_end = invitation.expires_at
    invitation.save(update_fields=["recorded_end"])
    actor = Actor.system(invitation.account)
    record(EventKind.INVITATION_EXPIRED, actor=actor, target=invitation, role=Role(invitation.role).label)


def _record(kind: EventKind, member: Membership, **facts: Any) -> None:
    record(kind, actor=Actor.system(member.account), target=member, user=member.user_id, **facts)
