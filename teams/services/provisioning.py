"""Do to members what the account's directory asks for: let in, suspend, let in again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.models import User
from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.permissions import Permission
from teams.models import Invitation, Membership
from teams.roles import Role
from teams.roster import open_invitations
from teams.services.errors import AlreadyMember, NoSuchInvitation, OwnerStays
from teams.services.members import (
    check_may_grant,
    check_plan,
    end_idle_sessions,
    end_invitations_of,
    end_tokens_of,
    lock_member,
)

_MANAGE = Permission.TEAM_MANAGE


def enrol_member(*, actor: Actor, user: User, role: Role, now: datetime) -> Membership:
    """Make a person a member without an invitation: the caller knows that the address is the company's.

    :raises AlreadyMember: if somebody made them one in the same moment
    :raises OwnerStays: for the owner's role
    :raises PlanNeeded: without a plan
    """
    actor.require(_MANAGE)
    check_may_grant(actor)
    check_plan(actor.account, now=now)
    if role == Role.OWNER:
        raise OwnerStays("The owner is set at sign-up and cannot be changed here.")
    try:
        with transaction.atomic():
            member = Membership.objects.create(account=actor.account, user=user, role=role, created_at=now)
            _record(EventKind.MEMBER_ADDED, actor, member, role=role.label)
    except IntegrityError as error:
        raise AlreadyMember(f"{user.email} is in the team already.") from error
    return member


def _record(kind: EventKind, actor: Actor, member: Membership, **facts: Any) -> None:
    record(kind, actor=actor, target=member, account=member.account, user=member.user_id, **facts)


@transaction.atomic
def suspend_member(*, actor: Actor, member_id: UUID, now: datetime) -> Membership:
    """Keep a member out from the very next request on, and end their named tokens and lone sessions.

    :raises NoSuchMember: if the person left
    :raises OwnerStays: for the owner
    """
    actor.require(_MANAGE)
    check_may_grant(actor)
    member = lock_member(actor.account, member_id)
    if member.role == Role.OWNER:
        raise OwnerStays("The owner of the account cannot be suspended.")
    if member.suspended_at is not None:
        return member
    member.suspended_at, member.raised_until, member.raised_for = now, None, ""
    member.save(update_fields=["suspended_at", "raised_until", "raised_for"])
    _record(EventKind.MEMBER_SUSPENDED, actor, member, tokens=end_tokens_of(member, now=now))
    end_invitations_of(member, actor=actor, now=now)
    end_idle_sessions(member)
    return member


@transaction.atomic
def restore_member(*, actor: Actor, member_id: UUID, now: datetime) -> Membership:
    """Let a suspended or ended member in again; tokens that ended stay ended.

    :raises NoSuchMember: if the person left
    :raises PlanNeeded: without a plan
    """
    actor.require(_MANAGE)
    check_may_grant(actor)
    member = lock_member(actor.account, member_id)
    if member.is_live(now):
        return member
    check_plan(actor.account, now=now)
    if member.ends_at is not None and member.ends_at <= now:
        member.ends_at = member.warned_end = member.recorded_end = None
    member.suspended_at = None
    member.save(update_fields=["suspended_at", "ends_at", "warned_end", "recorded_end"])
    _record(EventKind.MEMBER_RESTORED, actor, member, role=Role(member.role).label)
    return member


@transaction.atomic
def change_invited_role(*, actor: Actor, invitation_id: UUID, role: Role) -> Invitation:
    """Give an open invitation another role; its link goes on.

    :raises NoSuchInvitation: if it was accepted or taken back
    """
    actor.require(_MANAGE)
    check_may_grant(actor)
    rows = open_invitations(actor.account).select_for_update(of=("self",))
    invitation = rows.filter(public_id=invitation_id).first()
    if invitation is None or role == Role.OWNER:
        raise NoSuchInvitation("This invitation is not open any more.")
    if invitation.role != role:
        before, invitation.role = Role(invitation.role).label, role
        invitation.save(update_fields=["role"])
        facts: dict[str, Any] = {"before": {"role": before}, "after": {"role": role.label}}
        record(EventKind.INVITATION_ROLE_CHANGED, actor=actor, target=invitation, **facts)
    return invitation
