"""Look up what a directory provisioned: tokens, people, groups, and the roles that groups stand for."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from accounts.models import Account
from console.core import crypto
from security.models import (
    ScimGroup,
    ScimGroupMember,
    ScimToken,
    ScimUser,
    SsoConnection,
    SsoDomain,
    SsoGroupRole,
)
from teams.roles import Role

# Strongest first: of several groups the strongest role counts.
_STRENGTH = (Role.ADMIN, Role.DEVELOPER, Role.ANALYST, Role.SUPPORT)
GROUP_PAGE = 50


def base_url() -> str:
    """Return the address that a directory is given."""
    return f"{settings.BASE_URL}/scim/v2"


def token_prefix() -> str:
    """Return how tokens for provisioning begin, so that a scanner knows them."""
    return f"{settings.CONSOLE_TOKEN_PREFIX}scim"


def find_caller(token: str, *, now: datetime) -> ScimToken | None:
    """Return the live token with its account, or None whatever is wrong with it."""
    rows = ScimToken.unscoped.select_related("account")
    found = rows.filter(digest=crypto.token_digest(token), ended_at=None).first()
    if found is None or not found.is_live(now) or not found.account.is_active:
        return None
    return found


def live_tokens(account: Account, *, now: datetime) -> list[ScimToken]:
    """Return the live tokens, the newest first: one, and for a day the one before."""
    live = Q(ends_at=None) | Q(ends_at__gt=now)
    rows = ScimToken.objects.of(account).filter(live, ended_at=None).select_related("made_by")
    return list(rows.order_by("-made_at", "-id"))


def users_of(account: Account) -> QuerySet[ScimUser]:
    """Return the people of the directory with their memberships, in the order in which they came."""
    return ScimUser.objects.of(account).select_related("membership__user", "invitation").order_by("id")


def groups_of(account: Account) -> QuerySet[ScimGroup]:
    """Return the groups of the directory, in the order in which they came."""
    return ScimGroup.objects.of(account).order_by("id")


def groups_by_user(users: Iterable[ScimUser]) -> dict[int, list[ScimGroup]]:
    """Return the groups of each of the people, in one query."""
    found: dict[int, list[ScimGroup]] = defaultdict(list)
    links = ScimGroupMember.objects.filter(user__in=[user.pk for user in users])
    for link in links.select_related("group").order_by("group_id"):
        found[link.user_id].append(link.group)
    return found


def members_by_group(groups: Iterable[ScimGroup]) -> dict[int, list[UUID]]:
    """Return the ids of the people in each of the groups, in one query."""
    found: dict[int, list[UUID]] = defaultdict(list)
    links = ScimGroupMember.objects.filter(group__in=[group.pk for group in groups]).order_by("user_id")
    for group_id, public_id in links.values_list("group_id", "user__public_id"):
        found[group_id].append(public_id)
    return found


def owns_domain(account: Account, email: str) -> bool:
    """Say whether the account has proved that the domain of the address is its own."""
    domain = email.rpartition("@")[2].lower()
    return SsoDomain.objects.of(account).filter(domain=domain).exclude(verified_at=None).exists()


def signs_in_by_provider(account: Account) -> bool:
    """Say whether single sign-on is on."""
    return SsoConnection.objects.of(account).filter(state=SsoConnection.State.ON).exists()


def default_role(account: Account) -> Role:
    """Return the role of who is in no group with a role: that of single sign-on, or the least."""
    found = SsoConnection.objects.of(account).values_list("default_role", flat=True).first()
    return Role(found) if found else Role.SUPPORT


def roles_of_groups(account: Account, groups: Sequence[ScimGroup]) -> dict[int, Role]:
    """Return the role that each group stands for: its own, or that of the same name in single sign-on."""
    rows = SsoGroupRole.objects.filter(
        connection__account=account, group__in=[group.name for group in groups]
    )
    shared = dict(rows.values_list("group", "role"))
    chosen = {group.pk: group.role or shared.get(group.name, "") for group in groups}
    return {pk: Role(role) for pk, role in chosen.items() if role and role != Role.OWNER}


def strongest(roles: Collection[Role]) -> Role | None:
    """Return the strongest of the roles, if there is any."""
    return next((role for role in _STRENGTH if role in roles), None)


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group as the page shows it: how many are in it, and its role by itself or by single sign-on."""

    group: ScimGroup
    people: int
    role: Role | None

    @property
    def is_shared(self) -> bool:
        """Say whether the role comes from single sign-on."""
        return self.role is not None and not self.group.role


def group_page(account: Account, *, number: int) -> tuple[list[GroupRow], int]:
    """Return a page of groups by name, and how many there are."""
    rows = ScimGroup.objects.of(account)
    start = (max(number, 1) - 1) * GROUP_PAGE
    shown = list(rows.annotate(people=Count("links")).order_by("name_key")[start : start + GROUP_PAGE])
    roles = roles_of_groups(account, shown)
    return [GroupRow(group, group.people, roles.get(group.pk)) for group in shown], rows.count()


def find_group(account: Account, public_id: UUID) -> ScimGroup | None:
    """Return a group of the account."""
    return ScimGroup.objects.of(account).filter(public_id=public_id).first()


@dataclass(frozen=True, slots=True)
class Figures:
    """How many people the directory speaks of, and how many of them wait for an invitation."""

    members: int
    waiting: int


def figures_of(account: Account) -> Figures:
    """Return the figures of the page, in one query."""
    rows = ScimUser.objects.of(account).filter(is_copied=False)
    return Figures(
        **rows.aggregate(
            members=Count("pk", filter=Q(membership__isnull=False)),
            waiting=Count("pk", filter=Q(membership=None, is_active=True)),
        )
    )
