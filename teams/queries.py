"""Look up memberships, and resolve who acts in which account."""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import Account, User
from console.core.access import Actor
from console.core.requests import Origin
from teams.models import Membership
from teams.roles import RIGHTS, Role


def memberships_of(user: User) -> QuerySet[Membership]:
    """Return the user's live memberships with their accounts, by company name."""
    live = Q(ends_at=None) | Q(ends_at__gt=timezone.now())
    return (
        Membership.unscoped.filter(live, user=user, suspended_at=None)
        .exclude(account__state__in=[Account.State.CLOSED, Account.State.REJECTED])
        .select_related("account")
        .order_by("account__name", "account_id")
    )


def resolve_actor(user: User, *, auth_id: str | None, origin: Origin) -> Actor | None:
    """Return the user as an actor in the account, or None when they are no member of it."""
    if auth_id is None:
        return None
    # One query serves the rights and the account switcher of the page.
    memberships = tuple(memberships_of(user))
    membership = next((found for found in memberships if found.account.auth_id == auth_id), None)
    if membership is None:
        return None
    role = Role(membership.role)
    return Actor(
        user=user,
        account=membership.account,
        rights=RIGHTS[role],
        role=role.label,
        origin=origin,
        memberships=memberships,
    )


def home_of(user: User) -> Account | None:
    """Return the account to show first, or None when the user belongs to none."""
    first: Any = memberships_of(user).first()
    return first.account if first else None


def contacts_of(account: Account) -> list[User]:
    """Return the people who answer for the account, owner first: they get its security mails."""
    live = Q(ends_at=None) | Q(ends_at__gt=timezone.now())
    rows = Membership.objects.of(account).filter(live, suspended_at=None, role__in=[Role.OWNER, Role.ADMIN])
    rows = rows.filter(user__is_active=True).select_related("user").order_by("user_id")
    return [row.user for row in sorted(rows, key=lambda row: row.role != Role.OWNER)]


def people_of(account: Account) -> list[User]:
    """Return everybody who has a membership of the account, suspended ones included, by name."""
    rows = Membership.objects.of(account).select_related("user").order_by("user__full_name", "user_id")
    return [row.user for row in rows]
