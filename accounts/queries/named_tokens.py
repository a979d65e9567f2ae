"""Look up named tokens: for the page that lists them, and for the tasks that end and warn."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, Q, QuerySet
from django.utils.module_loading import import_string

from accounts.models import Account, ApiCaller, ApiIdentity, Credential
from accounts.token_rules import WARN_DAYS, earlier, latest_end
from console.core.permissions import Permission, grantable

PAGE_SIZE = 20
SHOWN_CALLERS = 5
_EVERYTHING = grantable(frozenset(Permission))
_LEAVERS = """
SELECT token.id FROM accounts_credential AS token
JOIN accounts_apiidentity AS identity ON identity.id = token.identity_id
WHERE token.kind = 'named' AND token.ended_at IS NULL AND {role} IS NULL
  AND (%(only)s::bigint IS NULL OR token.id = %(only)s)
ORDER BY token.id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class NamedRow:
    """One named token with its state, and what the role of its maker takes from it.

    The states: live, ending, stopped (its maker may do nothing here), ended, revoked, leaked, burned, left.
    """

    token: Credential
    state: str
    is_narrowed: bool = False

    @property
    def permissions(self) -> list[str]:
        """Return the permissions in words."""
        return [_EVERYTHING.get(name, name) for name in self.token.permissions or []]


@dataclass(frozen=True, slots=True)
class NamedPage:
    """Some named tokens of an account, and how many there are in each half of the list."""

    rows: list[NamedRow]
    half: str
    number: int
    live: int
    ended: int

    @property
    def earlier_url(self) -> str:
        """Lead to older tokens, if there are any."""
        count = self.live if self.half == "live" else self.ended
        return self._url(self.number + 1) if count > self.number * PAGE_SIZE else ""

    @property
    def later_url(self) -> str:
        """Lead to newer tokens, if there are any."""
        return self._url(self.number - 1) if self.number > 1 else ""

    def _url(self, number: int) -> str:
        return f"?named={self.half}&named_page={number}#named"


@dataclass(frozen=True, slots=True)
class Preview:
    """What a policy would do: the tokens that end sooner than now, those that get time back, and old ones."""

    sooner: list[tuple[Credential, datetime]] = field(default_factory=list)
    later: list[tuple[Credential, datetime | None]] = field(default_factory=list)
    primary: list[Credential] = field(default_factory=list)


def named_tokens(account: Account) -> QuerySet[Credential]:
    """Return every named token of the account."""
    return Credential.objects.filter(
        identity__account=account, identity__kind=ApiIdentity.Kind.ACCOUNT, kind=Credential.Kind.NAMED
    )


def find_named(account: Account, public_id: UUID) -> Credential | None:
    """Return one named token of the account."""
    return named_tokens(account).select_related("made_by").filter(public_id=public_id).first()


def live_named(account: Account, *, now: datetime) -> QuerySet[Credential]:
    """Return the named tokens whose time is not over, newest first."""
    return named_tokens(account).filter(_live(now)).order_by("-made_at", "-id")


def _live(now: datetime) -> Q:
    return Q(ended_at=None) & (Q(ends_at=None) | Q(ends_at__gt=now))


def named_page(account: Account, *, half: str, number: int, now: datetime) -> NamedPage:
    """Return one page of the live named tokens, or of those that have ended, newest first."""
    live = _live(now)
    counts = named_tokens(account).aggregate(live=Count("pk", filter=live), ended=Count("pk", filter=~live))
    rows = named_tokens(account).filter(live if half == "live" else ~live).select_related("made_by")
    ended_first = [] if half == "live" else [F("ended_at").desc(nulls_first=True)]
    rows = rows.order_by(*ended_first, "-made_at", "-id")
    start = (number - 1) * PAGE_SIZE
    roles = import_string(settings.MEMBER_ROLES)(account)
    shown = [named_row(row, roles=roles, now=now) for row in rows[start : start + PAGE_SIZE]]
    return NamedPage(shown, half, number, **counts)


def named_row(token: Credential, *, roles: dict[int, str], now: datetime) -> NamedRow:
    """Return the token with its state and with what is left of its permissions."""
    if not token.is_live(now):
        return NamedRow(token, _end_of(token))
    role = roles.get(token.made_by_id or 0)
    if role is None or (token.made_by and not token.made_by.is_active):
        return NamedRow(token, "stopped")
    held = grantable(import_string(settings.MEMBER_RIGHTS)(role))
    is_narrowed = not set(token.permissions or []) <= set(held)
    is_near = token.ends_at is not None and token.ends_at - now <= timedelta(days=max(WARN_DAYS))
    return NamedRow(token, "ending" if is_near else "live", is_narrowed)


def _end_of(token: Credential) -> str:
    if token.end_reason:
        return token.end_reason
    return "revoked" if token.ended_at and token.ended_at != token.ends_at else "ended"


def refused_callers(token: Credential) -> list[ApiCaller]:
    """Return who was refused by the token's own list, newest first."""
    rows = ApiCaller.objects.of(token.identity.account).filter(
        credential=token, verdict=ApiCaller.Verdict.UNEXPECTED
    )
    return list(rows.order_by("-last_seen_at")[:SHOWN_CALLERS])


def tokens_of_leavers(*, now: datetime, limit: int, only: int | None = None) -> list[int]:
    """Return the ids of unended named tokens whose makers are members no more; the suspended may come back."""
    role = import_string(settings.MEMBER_ROLE)(
        user="token.made_by_id", account="identity.account_id", is_counting_suspended=True
    )
    with connection.cursor() as cursor:
        cursor.execute(_LEAVERS.format(role=role), {"now": now, "limit": limit, "only": only})
        return [pk for (pk,) in cursor.fetchall()]


def preview_lifetime(account: Account, *, days: int | None, now: datetime) -> Preview:
    """Return what the policy would change for the tokens that are live."""
    found = Preview()
    for token in live_named(account, now=now).select_related("made_by"):
        end = earlier(token.asked_ends_at, latest_end(token.made_at, days, now=now))
        if end == token.ends_at:
            continue
        if end is not None and (token.ends_at is None or end < token.ends_at):
            found.sooner.append((token, end))
        else:
            found.later.append((token, end))
    found.primary.extend(old_primary(account, days=days, now=now))
    return found


def old_primary(account: Account, *, days: int | None, now: datetime) -> list[Credential]:
    """Return the live Auth Tokens without an end that are older than the policy lets tokens be."""
    if days is None:
        return []
    return list(
        Credential.objects.filter(
            identity__account=account,
            identity__kind=ApiIdentity.Kind.ACCOUNT,
            kind=Credential.Kind.PRIMARY,
            ended_at=None,
            ends_at=None,
            made_at__lte=now - timedelta(days=days),
        )
    )
