"""Set the owner at sign-up, and let staff hand an account over."""

from typing import Any

from django.db import transaction

from accounts.models import Account, User
from console.core.access import Actor
from console.core.events import EventKind, record
from teams.models import Membership
from teams.roles import Role
from teams.services.errors import NoSuchMember
from teams.services.members import forget_confirmations, lock_member


def enrol_owner(*, account: Account, user: User) -> Membership:
    """Make the user the owner of a new account; the caller owns the transaction and the event."""
    return Membership.objects.create(account=account, user=user, role=Role.OWNER)


@transaction.atomic
def transfer_ownership(*, actor: Actor, account: Account, member: Membership, reason: str) -> Membership:
    """Make a member the owner, as one of the provider's staff; the owner before becomes an Admin.

    :raises NoSuchMember: if the member left, is the owner, or is suspended
    """
    actor.require_staff()
    former = Membership.objects.of(account).select_for_update().filter(role=Role.OWNER).first()
    chosen = lock_member(account, member.public_id)
    if chosen.role == Role.OWNER or chosen.suspended_at is not None:
        raise NoSuchMember("Choose a member who is not the owner.")
    if former is not None:
        former.role = Role.ADMIN
        former.save(update_fields=["role"])
        forget_confirmations(former.user_id)
    chosen.role, chosen.ends_at, chosen.raised_until = Role.OWNER, None, None
    chosen.save(update_fields=["role", "ends_at", "raised_until"])
    forget_confirmations(chosen.user_id)
    facts: dict[str, Any] = {
        "reason": reason,
        "user": chosen.user_id,
        "former": former.user_id if former else None,
    }
    record(EventKind.OWNERSHIP_TRANSFERRED, actor=actor, target=chosen, account=account, **facts)
    return chosen
