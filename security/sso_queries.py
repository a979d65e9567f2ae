"""Look up an account's identity provider, and which provider answers for an address."""

from collections.abc import Collection
from datetime import datetime, timedelta

from accounts.models import Account, User
from security.models import SsoConnection, SsoDomain, SsoLink, SsoTest

TEST_COUNTS = timedelta(hours=24)


def connection_of(account: Account) -> SsoConnection | None:
    """Return the account's connection, finished or not."""
    return SsoConnection.objects.of(account).select_related("account").first()


def connection_for_domain(domain: str) -> SsoConnection | None:
    """Return the connection that is on for a verified domain, given as lower-case A-label."""
    claim = SsoDomain.unscoped.filter(domain=domain).exclude(verified_at=None)
    rows = SsoConnection.unscoped.filter(account__in=claim.values("account"), state=SsoConnection.State.ON)
    return rows.select_related("account").first()


def domains_of(account: Account) -> list[SsoDomain]:
    """Return the domains that the account claims, in the order of the alphabet."""
    return list(SsoDomain.objects.of(account).order_by("domain"))


def has_domain(account: Account, domain: str) -> bool:
    """Say whether the account has proved that the domain is its own."""
    return SsoDomain.objects.of(account).filter(domain=domain).exclude(verified_at=None).exists()


def find_domain(account: Account, public_id: object) -> SsoDomain | None:
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


def linked_users(account: Account, user_ids: Collection[int]) -> set[int]:
    """Return those of the users who have signed in through the account's provider."""
    rows = SsoLink.objects.filter(connection__account=account, user__in=user_ids)
    return set(rows.values_list("user_id", flat=True))
