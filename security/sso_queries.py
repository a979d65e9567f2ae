"""Look up an account's identity provider, and which provider answers for an address."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import StrIndex, Substr

from accounts.models import Account, User
from security.models import SsoConnection, SsoDomain, SsoLink, SsoTest
from teams.models import Membership
from teams.queries import memberships_of
from teams.roles import Role

TEST_COUNTS = timedelta(hours=24)
USED_WITHIN = timedelta(days=30)
CLOSED = (Account.State.CLOSED, Account.State.REJECTED)


@dataclass(frozen=True, slots=True)
class Reach:
    """How many members an email domain has, how many are no owner, and how many used the provider lately."""

    members: int = 0
    asked: int = 0
    used: int = 0


def connection_of(account: Account) -> SsoConnection | None:
    """Return the account's connection, finished or not."""
    return SsoConnection.objects.of(account).select_related("account").first()


def find_connection(public_id: UUID) -> SsoConnection | None:
    """Return the connection whose addresses hold the id."""
    return SsoConnection.unscoped.filter(public_id=public_id).select_related("account").first()


def route_of(email: str, account: Account | None = None) -> str:
    """Return how an address signs in: by password, by its company's provider, or by that provider only.

    With an account, its own rule is asked for alone.
    """
    connection = connection_for_domain(email.rpartition("@")[2].lower())
    if connection is None or (account is not None and connection.account_id != account.pk):
        return "password"
    return "sso-only" if connection.is_enforced else "sso"


def rule_sql(account: OuterRef, domain: str) -> Subquery:
    """Return a subquery for the id of the provider that members of an account with such addresses must use."""
    claims = SsoDomain.unscoped.filter(account=OuterRef("account"), domain=domain).exclude(verified_at=None)
    rows = SsoConnection.unscoped.filter(Exists(claims), account=account, is_enforced=True)
    return Subquery(rows.values("public_id")[:1])


def required_of(user: User) -> list[SsoConnection]:
    """Return the connections that accounts ask the person to sign in with; owners keep the password."""
    found: list[Any] = list(memberships_of(user))
    ids = [member.sso_rule for member in found if member.sso_rule and member.role != Role.OWNER]
    rows = SsoConnection.unscoped.filter(public_id__in=ids).select_related("account")
    return list(rows.order_by("account__name"))


def connection_for_domain(domain: str) -> SsoConnection | None:
    """Return the connection that is on for a verified domain, given as lower-case A-label; a closed account's answers for nobody."""
    claim = SsoDomain.unscoped.filter(domain=domain).exclude(verified_at=None)
    rows = SsoConnection.unscoped.filter(account__in=claim.values("account"), state=SsoConnection.State.ON)
    return rows.exclude(account__state__in=CLOSED).select_related("account").first()


def domains_of(account: Account) -> list[SsoDomain]:
    """Return the domains that the account claims, in the order of the alphabet."""
    return list(SsoDomain.objects.of(account).order_by("domain"))


def has_domain(account: Account, domain: str) -> bool:
    """Say whether the account has proved that the domain is its own."""
    return SsoDomain.objects.of(account).filter(domain=domain).exclude(verified_at=None).exists()


def find_domain(account: Account, public_id: UUID) -> SsoDomain | None:
    """Return one domain that the account claims."""
    return SsoDomain.objects.of(account).filter(public_id=public_id).first()


def last_test(connection: SsoConnection, *, user: User | None = None) -> SsoTest | None:
    """Return the newest test, of one person when they are named."""
    rows = SsoTest.objects.filter(connection=connection)
    rows = rows.filter(user=user) if user is not None else rows
    return rows.select_related("user").order_by("-at", "-id").first()


def has_fresh_test(connection: SsoConnection, *, user: User, now: datetime) -> bool:
    """Say whether a person's own newest test went well, in the last day and since the last change."""
    test = last_test(connection, user=user)
    since = max(connection.changed_at, now - TEST_COUNTS)
    return test is not None and test.is_good and test.at >= since


def link_column(user: OuterRef, account: OuterRef) -> Exists:
    """Return, as a part of a query, whether a person signs in to an account through its provider."""
    state = SsoConnection.State.ON
    links = SsoLink.objects.filter(user=user, connection__account=account, connection__state=state)
    return Exists(links)


def reach_of(account: Account, *, now: datetime) -> dict[str, Reach]:
    """Return for each domain of the members' addresses how far single sign-on reaches; one query."""
    links = SsoLink.objects.filter(
        user=OuterRef("user"), connection__account=account, last_used_at__gte=now - USED_WITHIN
    )
    address = F("user__email_key")
    rows = (
        Membership.objects.of(account)
        .annotate(domain=Substr(address, StrIndex(address, Value("@")) + 1), is_used=Exists(links))
        .values("domain")
        .annotate(
            members=Count("pk"),
            asked=Count("pk", filter=~Q(role=Role.OWNER)),
            used=Count("pk", filter=Q(is_used=True)),
        )
        .order_by("domain")
    )
    return {row["domain"]: Reach(row["members"], row["asked"], row["used"]) for row in rows}


def find_test(account: Account, public_id: UUID) -> SsoTest | None:
    """Return one test of the account's connection."""
    rows = SsoTest.objects.filter(connection__account=account).select_related("user", "connection")
    return rows.filter(public_id=public_id).first()


def state_of(account: Account) -> str:
    """Say whether members sign in with the provider: "off", "on" beside their passwords, or "enforced"."""
    rows = SsoConnection.objects.of(account).filter(state=SsoConnection.State.ON)
    is_enforced = rows.values_list("is_enforced", flat=True).first()
    return "off" if is_enforced is None else "enforced" if is_enforced else "on"
