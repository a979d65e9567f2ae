"""Invite, send again, take back, ask again, accept: one row an address, one live link a row."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.models import Account, User
from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.permissions import Permission
from console.core.ratelimit import Limit, spend
from console.core.requests import Origin
from teams.links import check_live, refuse
from teams.models import Invitation, Membership
from teams.roles import Role
from teams.roster import open_invitations
from teams.services.errors import AlreadyMember, InvitationFull, NoSuchInvitation, NotYours
from teams.services.members import check_may_grant, check_plan

_MANAGE = Permission.TEAM_MANAGE
_DAY = 24 * 3600
_OFTEN = "Enough invitations went to {} today. The newest link works for {} days."


def _lives_until(now: datetime) -> datetime:
    return now + timedelta(days=settings.CONSOLE_INVITATION_DAYS)


def _spend(account: Account, email: str, now: datetime) -> None:
    """Count a mail: a mailbox must not be filled, and an account must not mail strangers all day.

    :raises TooManyRequests: above either
    """
    often = _OFTEN.format(email, settings.CONSOLE_INVITATION_DAYS)
    address = Limit("invitation-address", settings.CONSOLE_MAILS_PER_DAY, _DAY)
    spend(address, email.lower(), now=now, message=often)
    whole = "Your account sent enough invitations for today. Go on tomorrow."
    spend(
        Limit("invitation-account", settings.CONSOLE_INVITATIONS_PER_DAY, _DAY),
        str(account.pk),
        now=now,
        message=whole,
    )


def invite_member(
    *, actor: Actor, email: str, role: Role, member_ends_at: datetime | None = None, now: datetime
) -> Invitation:
    """Invite an address with a role; inviting one that waits already sends it a new link.

    ``email`` is a checked, canonical work address.

    :raises AlreadyMember: if a member has the address
    :raises InvitationFull: if as many are open as may be
    :raises PlanNeeded: without a plan
    :raises RaisedOnly: if the actor is Admin for a while only
    :raises TooManyRequests: above the mails of a day
    """
    actor.require(_MANAGE)
    check_may_grant(actor)
    check_plan(actor.account, now=now)
    _refuse_member(actor.account, email)
    _refuse_full(actor.account, email, now)
    _spend(actor.account, email, now)
    try:
        return _store(actor, email, role, member_ends_at, now)
    except IntegrityError:
        # Two people invited the address in the same moment: one row, and this is the later mail.
        return _store(actor, email, role, member_ends_at, now)


@transaction.atomic
def _store(
    actor: Actor, email: str, role: Role, member_ends_at: datetime | None, now: datetime
) -> Invitation:
    # The account's row makes the count below true when many invite at the same time.
    Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)
    _refuse_full(actor.account, email, now)
    found = _lock_open(actor.account).filter(email_key=email.lower()).first()
    if found is not None:
        found.role, found.member_ends_at = role, member_ends_at
        return _send_again(found, actor, now)
    invitation = Invitation.objects.create(
        account=actor.account,
        email=email,
        email_key=email.lower(),
        role=role,
        member_ends_at=member_ends_at,
        invited_by=actor.user,
        created_at=now,
        sent_at=now,
        expires_at=_lives_until(now),
    )
    record(EventKind.INVITATION_SENT, actor=actor, target=invitation, role=Role(role).label, turn=1)
    return invitation


def _lock_open(account: Account) -> QuerySet[Invitation]:
    return open_invitations(account).select_for_update(of=("self",))


def _refuse_member(account: Account, email: str) -> None:
    if Membership.objects.of(account).filter(user__email_key=email.lower()).exists():
        raise AlreadyMember(f"{email} is in the team already. Change the role on the Members page.")


def _refuse_full(account: Account, email: str, now: datetime) -> None:
    others = open_invitations(account).filter(expires_at__gt=now).exclude(email_key=email.lower())
    if others.count() >= settings.CONSOLE_INVITATIONS_OPEN:
        most = settings.CONSOLE_INVITATIONS_OPEN
        raise InvitationFull(f"{most} invitations are open, and no more can be. Revoke some of them first.")


def _send_again(invitation: Invitation, actor: Actor, now: datetime) -> Invitation:
    invitation.turn += 1
    invitation.sent_at, invitation.expires_at = now, _lives_until(now)
    invitation.recorded_end = None
    if actor.user is not None:
        invitation.invited_by = actor.user
    invitation.save()
    facts: dict[str, Any] = {"role": Role(invitation.role).label, "turn": invitation.turn}
    record(EventKind.INVITATION_RESENT, actor=actor, target=invitation, **facts)
    return invitation


def resend_invitation(*, actor: Actor, invitation_id: UUID, now: datetime) -> Invitation:
    """Send a new link, which ends the one before and lives its full time.

    :raises NoSuchInvitation: if it was accepted or taken back
    :raises InvitationFull: if it was over and as many others are open as may be
    :raises TooManyRequests: above the mails of a day
    """
    actor.require(_MANAGE)
    check_may_grant(actor)
    check_plan(actor.account, now=now)
    found = open_invitations(actor.account).filter(public_id=invitation_id).first()
    if found is None:
        raise NoSuchInvitation("This invitation is not open any more.")
    _spend(actor.account, found.email, now)
    return _resend(actor, invitation_id, now)


@transaction.atomic
def _resend(actor: Actor, invitation_id: UUID, now: datetime) -> Invitation:
    Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)
    invitation = _lock_open(actor.account).filter(public_id=invitation_id).first()
    if invitation is None:
        raise NoSuchInvitation("This invitation is not open any more.")
    _refuse_full(actor.account, invitation.email, now)
    return _send_again(invitation, actor, now)


@transaction.atomic
def revoke_invitation(*, actor: Actor, invitation_id: UUID, now: datetime) -> Invitation:
    """Take an invitation back; its link opens nothing from now on.

    :raises NoSuchInvitation: if it was accepted or taken back before
    """
    actor.require(_MANAGE)
    check_may_grant(actor)
    invitation = _lock_open(actor.account).filter(public_id=invitation_id).first()
    if invitation is None:
        raise NoSuchInvitation("This invitation is not open any more.")
    invitation.revoked_at = now
    invitation.save(update_fields=["revoked_at"])
    record(EventKind.INVITATION_REVOKED, actor=actor, target=invitation, role=Role(invitation.role).label)
    return invitation


def ask_again(
    *, invitation: Invitation, wish: str, visitor: User | None, origin: Origin, now: datetime
) -> None:
    """Tell the team that somebody with an invitation needs another one.

    ``wish`` is the address it should go to: the invited one, or that of the person who is signed in.

    :raises TooManyRequests: when that was asked enough today
    """
    limit = Limit("invitation-asked", 3, _DAY)
    asked = "The team was asked already. They get a mail each time, so give them a day."
    spend(limit, str(invitation.public_id), now=now, message=asked)
    actor = Actor(user=visitor, account=invitation.account, kind="visitor", origin=origin)
    with transaction.atomic():
        record(EventKind.INVITATION_ASKED, actor=actor, target=invitation, email=wish)


@transaction.atomic
def accept_invitation(*, invitation_id: UUID, user: User, origin: Origin, now: datetime) -> Membership:
    """Make the invited person a member; a second click finds the membership.

    :raises InvitationRefused: if it is over, taken back, or the account is closed
    :raises NotYours: if it is for another address
    """
    rows = Invitation.unscoped.select_for_update(of=("self",)).select_related("account")
    invitation = rows.filter(public_id=invitation_id).first()
    if invitation is None:
        raise refuse("altered")
    if invitation.email_key != user.email_key or user.email_verified_at is None or user.is_staff:
        raise NotYours("This invitation is for another address.")
    member = Membership.objects.of(invitation.account).filter(user=user).first()
    if member is not None and invitation.accepted_at is not None:
        return member
    check_live(invitation, now=now)
    if member is not None and member.suspended_at is not None:
        raise refuse("suspended")
    _settle(invitation, user, now)
    if member is not None and not member.is_live(now):
        return _resume(member, invitation, origin, now)
    return member or _join(invitation, user, origin, now)


def _settle(invitation: Invitation, user: User, now: datetime) -> None:
    invitation.accepted_at, invitation.accepted_by = now, user
    invitation.save(update_fields=["accepted_at", "accepted_by"])


def _resume(member: Membership, invitation: Invitation, origin: Origin, now: datetime) -> Membership:
    """Let a membership that had ended go on, as the invitation says."""
    member.role, member.ends_at = invitation.role, invitation.member_ends_at
    member.warned_end = member.recorded_end = None
    member.save(update_fields=["role", "ends_at", "warned_end", "recorded_end"])
    _record_joined(member, invitation, origin)
    return member


def _join(invitation: Invitation, user: User, origin: Origin, now: datetime) -> Membership:
    member = Membership.objects.create(
        account=invitation.account,
        user=user,
        role=invitation.role,
        created_at=now,
        ends_at=invitation.member_ends_at,
    )
    _record_joined(member, invitation, origin)
    return member


def _record_joined(member: Membership, invitation: Invitation, origin: Origin) -> None:
    actor = Actor.person(member.user, origin=origin, account=invitation.account)
    facts: dict[str, Any] = {
        "role": Role(member.role).label,
        "invitation": str(invitation.public_id),
        "user": member.user_id,
    }
    record(EventKind.MEMBER_JOINED, actor=actor, target=member, **facts)
