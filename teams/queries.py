"""Look up memberships, and resolve who acts in which account."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db.models import F, OuterRef, Q, QuerySet, Window
from django.db.models.functions import Now, RowNumber
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.models import Account, User
from console.core.access import Actor
from console.core.permissions import Gate, Permission
from console.core.requests import Origin
from teams.models import Membership
from teams.roles import RIGHTS, Role

_NAMED = 3
_BECAUSE = (
    "The account's plan has ended. Members can look until {:%-d %B}, and change nothing. "
    "The owner can renew the plan."
)


@cache
def _plan_end() -> Any:
    return import_string(settings.PLAN_END)


@cache
def _sso_rule() -> Any:
    return import_string(settings.SSO_RULE)


@cache
def _recovery_waits() -> Any:
    return import_string(settings.RECOVERY_WAITS)


def _with_plan(rows: QuerySet[Membership], now: datetime) -> QuerySet[Membership]:
    """Leave out members whose account has no plan any more; the owner needs none."""
    grace = timedelta(days=settings.CONSOLE_GRACE_DAYS)
    rows = rows.annotate(plan_end=_plan_end()(OuterRef("account_id")))
    return rows.filter(Q(role=Role.OWNER) | Q(plan_end__gt=now - grace))


def memberships_of(user: User) -> QuerySet[Membership]:
    """Return the user's live memberships with their accounts, by company name, and when the plan ends.

    Each says as well whether a recovery waits to remove the person's second factors, and which provider the account
    asks the person to sign in with, if any.
    """
    now = timezone.now()
    domain = user.email_key.rpartition("@")[2]
    live = Q(ends_at=None) | Q(ends_at__gt=now)
    return (
        _with_plan(Membership.unscoped.filter(live, user=user, suspended_at=None), now)
        .exclude(account__state__in=[Account.State.CLOSED, Account.State.REJECTED])
        .select_related("account")
        .annotate(
            has_waiting_recovery=_recovery_waits()(OuterRef("user_id")),
            sso_rule=_sso_rule()(OuterRef("account_id"), domain),
        )
        .order_by("account__name", "account_id")
    )


def accounts_of(user: User | OuterRef) -> QuerySet[Account]:
    """Return the accounts of which the user is a live member; it may be a part of another query."""
    live = Q(memberships__ends_at=None) | Q(memberships__ends_at__gt=Now())
    return Account.objects.filter(live, memberships__user=user, memberships__suspended_at=None).exclude(
        state__in=[Account.State.CLOSED, Account.State.REJECTED]
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
    role = membership.role_at(timezone.now())
    frozen, because = _frozen(membership, timezone.now())
    return Actor(
        user=user,
        account=membership.account,
        rights=RIGHTS[role],
        role=role.label,
        origin=origin,
        memberships=memberships,
        frozen=frozen,
        frozen_because=because,
    )


def _frozen(membership: Any, now: datetime) -> tuple[frozenset[Permission], str]:
    """Return the rights that a member keeps for reading only after the plan's end, and why."""
    if membership.role == Role.OWNER or membership.plan_end > now:
        return frozenset(), ""
    until = membership.plan_end + timedelta(days=settings.CONSOLE_GRACE_DAYS)
    # What is a person's own stays theirs: profile, password, factors, sessions.
    return frozenset(Permission) - {Permission.SELF_MANAGE}, _BECAUSE.format(until)


def plan_end_of(account: Account) -> datetime | None:
    """Return when the account's newest plan ends or ended; None when it never had one."""
    row = Account.objects.filter(pk=account.pk).annotate(plan_end=_plan_end()(OuterRef("pk")))
    return row.values_list("plan_end", flat=True).first()


def has_plan(account: Account, *, now: datetime) -> bool:
    """Say whether a plan runs that includes a team."""
    plan_end = plan_end_of(account)
    return plan_end is not None and plan_end > now


def find_suspended(user: User) -> list[Account]:
    """Return the accounts of which the user is a member that are closed to members for want of a plan."""
    open_ids = memberships_of(user).values("account_id")
    return list(accounts_of(user).exclude(pk__in=open_ids).order_by("name"))


def is_member(user: User, account: Account) -> bool:
    """Say whether the account opens for the user now."""
    return memberships_of(user).filter(account=account).exists()


def home_of(user: User) -> Account | None:
    """Return the account to show first, or None when the user belongs to none."""
    first: Any = memberships_of(user).first()
    return first.account if first else None


def contacts_of(account: Account) -> list[User]:
    """Return the people who answer for the account, owner first: they get its security mails."""
    live = Q(ends_at=None) | Q(ends_at__gt=timezone.now())
    rows = Membership.objects.of(account).filter(live, suspended_at=None, role__in=[Role.OWNER, Role.ADMIN])
    rows = (
        _with_plan(rows, timezone.now())
        .filter(user__is_active=True)
        .select_related("user")
        .order_by("user_id")
    )
    return [row.user for row in sorted(rows, key=lambda row: row.role != Role.OWNER)]


def holders_of(account: Account, right: Permission | Gate) -> list[tuple[str, str]]:
    """Return the roles that hold the right, each with the names of the first of its members, strongest first."""
    roles = [role for role in Role if right in RIGHTS[role]]
    rows = members_of(account).filter(role__in=roles)
    # Names stand for whom to ask: the first of each role are enough, however many there are.
    rows = rows.annotate(place=Window(RowNumber(), partition_by=F("role"), order_by=F("pk").asc()))
    names: dict[str, list[str]] = {}
    for member in rows.filter(place__lte=_NAMED):
        names.setdefault(member.role, []).append(member.user.full_name)
    return [(role.label, ", ".join(names.get(role, []))) for role in roles]


def people_of(account: Account) -> list[User]:
    """Return everybody who has a membership of the account, suspended ones included, by name."""
    rows = Membership.objects.of(account).select_related("user").order_by("user__full_name", "user_id")
    return [row.user for row in rows]


def members_of(account: Account) -> QuerySet[Membership]:
    """Return the live memberships of the account with their people, by name."""
    live = Q(ends_at=None) | Q(ends_at__gt=timezone.now())
    rows = Membership.objects.of(account).filter(live, suspended_at=None)
    return rows.select_related("user").order_by("user__full_name", "user_id")


def member_ids_of(account: Account) -> list[int]:
    """Return the ids of everybody who is a live member of the account."""
    return list(members_of(account).order_by().values_list("user_id", flat=True))
