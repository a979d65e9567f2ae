"""Look up who calls the API with a token: newest first, within the last day, and beside its successor."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from accounts.models import Account, Credential
from accounts.rotation_rules import DAY, Advice, advise
from console.core.ratelimit import try_valkey

PAGE_SIZE = 20
FIRST_SHOWN = 5
FLUSHED_AT = "api:callers:flushed"
_PAGE = """
SELECT host(ip), agent, (array_agg(endpoint ORDER BY last_seen_at DESC))[1], sum(calls)::bigint,
  bool_and(verdict IN ('refused', 'unexpected')), min(first_seen_at), max(last_seen_at)
FROM accounts_apicaller
WHERE account_id = %(account)s AND credential_id = %(token)s AND day > %(since)s
GROUP BY ip, agent ORDER BY max(last_seen_at) DESC, ip, agent LIMIT %(limit)s OFFSET %(offset)s
"""
_RECENT = """
SELECT credential_id, host(ip), agent, max(last_seen_at) FROM accounts_apicaller
WHERE account_id = %(account)s AND credential_id = ANY(%(tokens)s) AND day >= %(day)s
  AND last_seen_at > %(since)s AND verdict NOT IN ('refused', 'unexpected')
GROUP BY credential_id, ip, agent
"""
_BOTH = """
SELECT * FROM (
  SELECT credential_id, host(ip) AS ip, agent, (array_agg(endpoint ORDER BY last_seen_at DESC))[1],
    sum(calls)::bigint, bool_and(verdict IN ('refused', 'unexpected')), min(first_seen_at),
    max(last_seen_at) AS last_seen_at,
    max(last_seen_at) FILTER (WHERE verdict NOT IN ('refused', 'unexpected')) AS let_in_at,
    row_number() OVER (PARTITION BY credential_id ORDER BY max(last_seen_at) DESC, ip, agent) AS place
  FROM accounts_apicaller
  WHERE account_id = %(account)s AND credential_id = ANY(%(tokens)s) AND day > %(first)s
  GROUP BY credential_id, accounts_apicaller.ip, agent
) AS callers
WHERE place <= %(limit)s OR let_in_at > %(since)s ORDER BY last_seen_at DESC, ip, agent
"""
Client = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class TokenCaller:
    """A client that called with a token; no address means unknown, and ``endpoint`` is the one called last."""

    ip: str | None
    agent: str
    endpoint: str
    calls: int
    is_refused: bool
    first_seen_at: datetime
    last_seen_at: datetime
    has_moved: bool = False


@dataclass(frozen=True, slots=True)
class CallerPage:
    """Some callers of a token within the last days, newest first, and whether more follow."""

    rows: list[TokenCaller]
    number: int
    has_more: bool

    @property
    def days(self) -> int:
        """Return for how many days callers are kept."""
        return int(settings.CONSOLE_CALLER_DAYS)

    @property
    def earlier_url(self) -> str:
        """Lead to callers that were seen earlier, if there are any."""
        return f"?page={self.number + 1}" if self.has_more else ""

    @property
    def later_url(self) -> str:
        """Lead to callers that were seen later, if there are any."""
        return f"?page={self.number - 1}" if self.number > 1 else ""


@dataclass(frozen=True, slots=True)
class Side:
    """One token of a rotation, with what its callers of the last day say."""

    token: Credential
    advice: Advice
    clients: dict[Client, datetime]


@dataclass(frozen=True, slots=True)
class Rotation:
    """An old token that still opens the account, its callers, and the token that takes its place, if any."""

    old: Side
    new: Side | None
    moved: int
    switched: int
    callers: int
    page: CallerPage

    @property
    def progress(self) -> str:
        """Say how many callers of the last day used the new token last."""
        return f"{self.moved:,} of {self.callers:,} caller{'' if self.callers == 1 else 's'} moved"

    @property
    def can_extend(self) -> bool:
        """Say whether the end of the old token may be put off, which works once."""
        return self.old.token.ends_at is not None and not hasattr(self.old.token, "extension")


def caller_page(
    account: Account, token: Credential, *, number: int = 1, size: int = PAGE_SIZE, now: datetime
) -> CallerPage:
    """Return one page of the clients that called with the token within the last days."""
    values: dict[str, Any] = {"account": account.pk, "token": token.pk}
    values |= {"since": _first_day(now)}
    values |= {"limit": size + 1, "offset": (number - 1) * size}
    with connection.cursor() as cursor:
        cursor.execute(_PAGE, values)
        found = [TokenCaller(*row) for row in cursor.fetchall()]
    return CallerPage(found[:size], number, has_more=len(found) > size)


def advice_on(account: Account, token: Credential, *, now: datetime) -> Advice:
    """Say whether the token may be revoked without breaking a caller."""
    return _advice(token, recent_callers(account, [token], now=now)[token.pk], counted_at(), now)


def _advice(
    token: Credential, recent: dict[Client, datetime], counted: datetime | None, now: datetime
) -> Advice:
    return advise(list(recent.values()), last_used_at=token.last_used_at, counted_at=counted, now=now)


def rotation_of(account: Account, live: list[Credential], *, now: datetime) -> Rotation | None:
    """Return the rotation among the live primary tokens, newest first, if the oldest is on its way out."""
    if not live or (len(live) == 1 and live[0].ends_at is None):
        return None
    recent, newest = _both(account, live, now=now)
    sides = _sides(live, recent, now=now)
    new, old = (sides[0] if len(live) > 1 else None), sides[-1]
    on_new = new.clients if new else {}
    moved = {client for client, at in on_new.items() if client not in old.clients or at > old.clients[client]}
    rows = [replace(row, has_moved=(row.ip, row.agent) in moved) for row in newest[old.token.pk]]
    return Rotation(
        old=old,
        new=new,
        moved=len(moved),
        switched=len(moved & old.clients.keys()),
        callers=len(on_new.keys() | old.clients.keys()),
        page=CallerPage(rows[:FIRST_SHOWN], 1, has_more=len(rows) > FIRST_SHOWN),
    )


def _both(
    account: Account, tokens: list[Credential], *, now: datetime
) -> tuple[dict[int, dict[Client, datetime]], dict[int, list[TokenCaller]]]:
    """Return, for each token, the clients of the last day, and the newest ones of all days, in one query."""
    recent: dict[int, dict[Client, datetime]] = {token.pk: {} for token in tokens}
    newest: dict[int, list[TokenCaller]] = {token.pk: [] for token in tokens}
    values: dict[str, Any] = {"account": account.pk, "tokens": list(recent), "since": now - DAY}
    values |= {"first": _first_day(now), "limit": FIRST_SHOWN + 1}
    with connection.cursor() as cursor:
        cursor.execute(_BOTH, values)
        for token_id, *facts, let_in_at, place in cursor.fetchall():
            caller = TokenCaller(*facts)
            if place <= FIRST_SHOWN + 1:
                newest[token_id].append(caller)
            if let_in_at and let_in_at > now - DAY:
                recent[token_id][caller.ip, caller.agent] = let_in_at
    return recent, newest


def _first_day(now: datetime) -> date:
    return now.date() - timedelta(days=settings.CONSOLE_CALLER_DAYS)


def sides_of(account: Account, tokens: list[Credential], *, now: datetime) -> list[Side]:
    """Return the tokens with what their callers of the last day say."""
    return _sides(tokens, recent_callers(account, tokens, now=now), now=now)


def _sides(
    tokens: list[Credential], recent: dict[int, dict[Client, datetime]], *, now: datetime
) -> list[Side]:
    counted = counted_at() if tokens else None
    return [Side(token, _advice(token, recent[token.pk], counted, now), recent[token.pk]) for token in tokens]


def recent_callers(
    account: Account, tokens: Iterable[Credential], *, now: datetime
) -> dict[int, dict[Client, datetime]]:
    """Return, for each token, the clients let in within the last day with the time of their last call."""
    found: dict[int, dict[Client, datetime]] = {token.pk: {} for token in tokens}
    since = now - DAY
    values: dict[str, Any] = {
        "account": account.pk,
        "tokens": list(found),
        "day": since.date(),
        "since": since,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RECENT, values)
        for token_id, ip, agent, at in cursor.fetchall():
            found[token_id][ip, agent] = at
    return found


def counted_at() -> datetime | None:
    """Return when calls were last counted, or None when that is not known."""
    text = try_valkey(lambda client: client.get(FLUSHED_AT))
    return datetime.fromisoformat(text.decode()) if text else None
