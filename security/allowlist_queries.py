"""Look up an IP allowlist: its entries, who called, and what the list would have said to them."""

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from accounts.models import Account
from console.core.addresses import Address, Network
from security.allowlist_chart import DayChart, draw_days
from security.models import AllowlistAccess, AllowlistEntry

SHOWN_CALLERS = 50
_LISTED = """EXISTS (
    SELECT FROM security_allowlistentry AS entry
    WHERE entry.account_id = %(account)s AND entry.network >>= c.ip
      AND (entry.expires_at IS NULL OR entry.expires_at > %(now)s)
  )"""
_REPLAY = f"""
WITH recent AS MATERIALIZED (
  SELECT ip, agent, endpoint, day, verdict, calls, last_seen_at, credential_id FROM accounts_apicaller
  WHERE account_id = %(account)s AND day > %(since)s AND verdict <> 'unexpected'
), callers AS MATERIALIZED (
  SELECT c.ip, sum(c.calls)::bigint AS calls, max(c.last_seen_at) AS last_seen_at,
    coalesce(sum(c.calls) FILTER (WHERE c.verdict = 'refused'), 0)::bigint AS refused,
    (array_agg(c.agent ORDER BY c.last_seen_at DESC))[1] AS agent,
    (array_agg(c.endpoint ORDER BY c.last_seen_at DESC))[1] AS endpoint,
    array_agg(DISTINCT c.credential_id) AS credentials,
    {_LISTED} AS is_listed
  FROM recent AS c GROUP BY c.ip
), days AS (
  SELECT day, sum(calls)::bigint AS calls FROM recent
  WHERE ip IS NULL OR ip IN (SELECT ip FROM callers WHERE NOT is_listed AND ip IS NOT NULL) GROUP BY day
), totals AS (
  SELECT count(*), coalesce(sum(calls), 0)::bigint, count(*) FILTER (WHERE NOT is_listed),
    (SELECT jsonb_object_agg(day, calls) FROM days)
  FROM callers
), shown AS (
  SELECT ip, calls, refused, last_seen_at, agent, endpoint, ARRAY(
    SELECT coalesce(nullif(token.name, ''), token.prefix || '…' || token.last_four)
    FROM accounts_credential AS token WHERE token.id = ANY(credentials) ORDER BY 1
  ) AS tokens
  FROM callers WHERE NOT is_listed ORDER BY last_seen_at DESC, ip LIMIT %(limit)s
)
SELECT totals.*, shown.* FROM totals LEFT JOIN shown ON TRUE ORDER BY shown.last_seen_at DESC, shown.ip
"""  # noqa: S608 - text of this module only  # nosec B608
_MATCHES = """
WITH seen AS MATERIALIZED (
  SELECT ip, max(last_seen_at) AS last_seen_at FROM accounts_apicaller
  WHERE account_id = %(account)s AND verdict <> 'unexpected' GROUP BY ip
)
SELECT entry.id, max(seen.last_seen_at) FROM security_allowlistentry AS entry
JOIN seen ON entry.network >>= seen.ip WHERE entry.account_id = %(account)s GROUP BY entry.id
"""


@dataclass(frozen=True, slots=True)
class CallerRow:
    """An address that is not on the list and called within the last days; no address means unknown."""

    ip: str | None
    calls: int
    refused: int
    last_seen_at: datetime
    agent: str
    endpoint: str
    tokens: list[str]


@dataclass(frozen=True, slots=True)
class Replay:
    """The callers of the last days, judged by the list as it is now."""

    callers: int
    calls: int
    refused: int
    rows: tuple[CallerRow, ...]
    days: int
    by_day: DayChart | None = None


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry, and when a call last came from it."""

    entry: AllowlistEntry
    is_live: bool
    matched_at: datetime | None


def access_of(account: Account) -> AllowlistAccess:
    """Return the state of the account's access, also when nobody ever asked."""
    found = AllowlistAccess.objects.filter(account=account).select_related("requested_by").first()
    return found or AllowlistAccess(account=account)


def find_entry(account: Account, public_id: UUID) -> AllowlistEntry | None:
    """Return one entry of the account."""
    return AllowlistEntry.objects.of(account).filter(public_id=public_id).first()


def networks_of(account: Account) -> list[Network]:
    """Return the networks on the list, ended ones included."""
    texts = AllowlistEntry.objects.of(account).values_list("network", flat=True)
    return [ipaddress.ip_network(text) for text in texts]


def entry_rows(account: Account, *, now: datetime) -> list[EntryRow]:
    """Return the entries, newest first, each with its last match."""
    with connection.cursor() as cursor:
        cursor.execute(_MATCHES, {"account": account.pk})
        matched = dict(cursor.fetchall())
    entries = AllowlistEntry.objects.of(account).select_related("made_by").order_by("-made_at", "-id")
    return [EntryRow(entry, entry.is_live(now), matched.get(entry.pk)) for entry in entries]


def admitting(rows: Iterable[EntryRow], address: Address) -> AllowlistEntry | None:
    """Return the narrowest live entry that lets the address in."""
    networks = [(ipaddress.ip_network(str(row.entry.network)), row.entry) for row in rows if row.is_live]
    holding = [(network.prefixlen, entry.pk, entry) for network, entry in networks if address in network]
    return max(holding)[2] if holding else None


def replay(account: Account, *, now: datetime) -> Replay:
    """Judge the callers of the last days by the list as it is now."""
    days = settings.CONSOLE_CALLER_DAYS
    values: dict[str, Any] = {
        "account": account.pk,
        "now": now,
        "since": now.date() - timedelta(days=days),
        "limit": SHOWN_CALLERS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_REPLAY, values)
        found = cursor.fetchall()
    callers, calls, refused, by_day = found[0][:4]
    rows = tuple(CallerRow(*row[4:]) for row in found if row[5] is not None)
    counts = {date.fromisoformat(day): count for day, count in json.loads(by_day or "{}").items()}
    return Replay(callers, calls, refused, rows, days, draw_days(counts, today=now.date(), days=days))
