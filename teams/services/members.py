"""Change the members of a team: role, a raise for a while, end, sessions, removal. All count at the next request."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from accounts.models import Account, Credential, Session
from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.permissions import Permission
from teams.models import Invitation, Membership
from teams.queries import has_plan, memberships_of
from teams.roles import Role
from teams.roster import open_invitations
from teams.services.errors import NoSuchMember, OwnerStays, PlanNeeded, RaisedOnly

_MANAGE = Permission.TEAM_MANAGE
_STRONG = {Role.OWNER, Role.ADMIN}


def lock_member(account: Account, public_id: UUID) -> Membership:
    """Return the member's row, locked until the caller's transaction ends.

    :raises NoSuchMember: if the account has none
    """
    rows = Membership.objects.of(account).select_for_update(of=("self",)).select_related("user")
    found = rows.filter(public_id=public_id).first()
    if found is None:
        raise NoSuchMember("This person is not in the team any more.")
    return found


def check_may_grant(actor: Actor) -> None:
    """Refuse members who are Admin for a while only.

    :raises RaisedOnly: if the actor's own role is a weaker one
    """
    own = Membership.objects.of(actor.account).filter(user=actor.user).first() if actor.user else None
    if own is not None and own.role not in _STRONG:
        raise RaisedOnly("You are Admin for a while only. The owner or an admin changes the team.")


def check_plan(account: Account, *, now: datetime) -> None:
    """Refuse accounts without a plan.

    :raises PlanNeeded: if none runs
    """
    if not has_plan(account, now=now):
        raise PlanNeeded("A team needs a committed plan.")


def forget_confirmations(user_id: int) -> None:
    """Make the person confirm it's them before the next sensitive act, in every session."""
    Session.objects.filter(user_id=user_id).update(confirmed_at=None)


def _lock_changeable(actor: Actor, public_id: UUID) -> Membership:
    check_may_grant(actor)
    member = lock_member(actor.account, public_id)
    if member.role == Role.OWNER:
        raise OwnerStays("The owner is set at sign-up and cannot be changed here.")
    return member


def _record(kind: EventKind, actor: Actor, member: Membership, **facts: Any) -> None:
    """Record with the person's id: the membership itself may be gone when mails are written."""
    record(kind, actor=actor, target=member, account=member.account, user=member.user_id, **facts)


@transaction.atomic
def change_role(*, actor: Actor, member_id: UUID, role: Role, now: datetime) -> Membership:
    """Give a member another role, from their very next request on; a raise ends with it.

    :raises NoSuchMember: if the person left
    :raises OwnerStays: for the owner, or to make another one
    :raises RaisedOnly: if the actor is Admin for a while only
    """
    actor.require(_MANAGE)
    member = _lock_changeable(actor, member_id)
    if role == Role.OWNER:
        raise OwnerStays("The owner is set at sign-up and cannot be changed here.")
    before = Role(member.role)
    if before == role and not member.is_raised(now):
        return member
    member.role, member.raised_until, member.raised_for = role, None, ""
    member.save(update_fields=["role", "raised_until", "raised_for"])
    forget_confirmations(member.user_id)
    if before in _STRONG and role not in _STRONG:
        end_invitations_of(member, actor=actor, now=now)
    _record(
        EventKind.MEMBER_ROLE_CHANGED,
        actor,
        member,
        before={"role": before.label},
        after={"role": role.label},
    )
    return member


@transaction.atomic
def raise_member(*, actor: Actor, member_id: UUID, reason: str, now: datetime) -> Membership:
    """Make a member Admin for an hour.

    :raises NoSuchMember: if the person left or the membership does not hold now
    :raises OwnerStays: for the owner
    :raises RaisedOnly: if the actor is Admin for a while only
    :raises PlanNeeded: if no plan runs
    """
    actor.require(_MANAGE)
    check_plan(actor.account, now=now)
    member = _lock_changeable(actor, member_id)
    if member.role in _STRONG or not member.is_live(now):
        raise NoSuchMember("This member is an Admin already, or the membership has ended.")
    member.raised_until = now + timedelta(minutes=settings.CONSOLE_RAISE_MINUTES)
    member.raised_by, member.raised_for = actor.user, reason
    member.save(update_fields=["raised_until", "raised_by", "raised_for"])
    forget_confirmations(member.user_id)
    _record(EventKind.MEMBER_RAISED, actor, member, reason=reason, until=member.raised_until)
    return member


@transaction.atomic
def lower_member(*, actor: Actor, member_id: UUID, now: datetime) -> Membership:
    """End a raise before its time; a second click finds it ended.

    :raises NoSuchMember: if the person left
    """
    actor.require(_MANAGE)
    member = _lock_changeable(actor, member_id)
    if member.is_raised(now):
        end_raise(member, actor=actor)
    return member


def end_raise(member: Membership, *, actor: Actor) -> None:
    """Give the locked member their own role back, in the caller's transaction."""
    actor.require(_MANAGE)
    member.raised_until, member.raised_for = None, ""
    member.save(update_fields=["raised_until", "raised_for"])
    forget_confirmations(member.user_id)
    _record(EventKind.MEMBER_LOWERED, actor, member, role=Role(member.role).label)


@transaction.atomic
def change_end(*, actor: Actor, member_id: UUID, ends_at: datetime | None, now: datetime) -> Membership:
    """Set when a membership ends, or that it goes on; what ended before goes on again.

    :raises NoSuchMember: if the person left
    :raises OwnerStays: for the owner
    """
    actor.require(_MANAGE)
    member = _lock_changeable(actor, member_id)
    before = member.ends_at
    if before == ends_at:
        return member
    member.ends_at, member.warned_end, member.recorded_end = ends_at, None, None
    member.save(update_fields=["ends_at", "warned_end", "recorded_end"])
    _record(
        EventKind.MEMBER_END_CHANGED, actor, member, before={"ends_at": before}, after={"ends_at": ends_at}
    )
    return member


@transaction.atomic
def end_sessions_of(*, actor: Actor, member_id: UUID) -> int:
    """Sign a member out everywhere, and return how many sessions ended.

    :raises NoSuchMember: if the person left
    :raises OwnerStays: for the owner
    """
    actor.require(_MANAGE)
    member = _lock_changeable(actor, member_id)
    count = Session.objects.filter(user_id=member.user_id).delete()[0]
    _record(EventKind.MEMBER_SESSIONS_ENDED, actor, member, count=count)
    return count


@transaction.atomic
def remove_member(*, actor: Actor, member_id: UUID, now: datetime) -> Membership:
    """Take a member out of the team: access, own tokens of this account, and sessions when no account is left.

    :raises NoSuchMember: if the person left
    :raises OwnerStays: for the owner
    :raises RaisedOnly: if the actor is Admin for a while only
    """
    actor.require(_MANAGE)
    member = _lock_changeable(actor, member_id)
    facts = {"role": Role(member.role).label, "tokens": end_tokens_of(member, now=now)}
    end_invitations_of(member, actor=actor, now=now)
    _record(EventKind.MEMBER_REMOVED, actor, member, email=member.user.email, **facts)
    Membership.objects.of(actor.account).filter(pk=member.pk).delete()
    end_idle_sessions(member)
    return member


def end_tokens_of(member: Membership, *, now: datetime) -> int:
    """End the named tokens that the member made in the account, and return how many."""
    made = Credential.objects.filter(
        identity__account=member.account, kind=Credential.Kind.NAMED, made_by=member.user_id, ended_at=None
    )
    return made.update(ended_at=Greatest(now, F("made_at")), end_reason=Credential.End.LEFT)


def end_invitations_of(member: Membership, *, actor: Actor, now: datetime) -> int:
    """End the open invitations that the member sent, and return how many: who may not invite, invited nobody."""
    actor.require(_MANAGE)
    rows = open_invitations(member.account).filter(invited_by=member.user_id, expires_at__gt=now)
    ended: list[Invitation] = list(rows.select_for_update(of=("self",)))
    for invitation in ended:
        invitation.revoked_at, invitation.is_orphaned = now, True
        invitation.save(update_fields=["revoked_at", "is_orphaned"])
        facts: dict[str, Any] = {"role": Role(invitation.role).label, "sent_by": member.user.email}
        record(EventKind.INVITATION_ENDED, actor=actor, target=invitation, account=member.account, **facts)
    return len(ended)


def end_idle_sessions(member: Membership) -> None:
    """End the person's sessions when they belong to no account any more; else they go on elsewhere."""
    if not memberships_of(member.user).exists() and not member.user.is_staff:
        Session.objects.filter(user_id=member.user_id).delete()
    else:
        forget_confirmations(member.user_id)


@transaction.atomic
def note_role_seen(*, actor: Actor, role: Role) -> None:
    """Record that somebody looks at the console as another role."""
    actor.require(_MANAGE)
    record(EventKind.ROLE_SEEN, actor=actor, target=actor.account, role=role.label)
