"""Look up an IP allowlist: its entries, who called, and what the list would have said to them."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
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
_CALLERS = f"""
WITH callers AS (
  SELECT c.ip, sum(c.calls)::bigint AS calls, max(c.last_seen_at) AS last_seen_at,
    (sum(c.calls) FILTER (WHERE c.verdict = 'refused'))::bigint AS refused,
    (array_agg(c.agent ORDER BY c.last_seen_at DESC))[1] AS agent,
    (array_agg(c.endpoint ORDER BY c.last_seen_at DESC))[1] AS endpoint,
    array_remove(array_agg(DISTINCT coalesce(
      nullif(token.name, ''), token.prefix || '…' || token.last_four)), NULL) AS tokens,
    {_LISTED} AS is_listed
  FROM accounts_apicaller AS c LEFT JOIN accounts_credential AS token ON token.id = c.credential_id
  WHERE c.account_id = %(account)s AND c.day > %(since)s AND c.verdict <> 'unexpected'
  GROUP BY c.ip
)
"""  # noqa: S608 - text of this module only  # nosec B608
_COUNTS = (
    "SELECT count(*), coalesce(sum(calls), 0)::bigint, count(*) FILTER (WHERE NOT is_listed) FROM callers"
)
_ROWS = """SELECT ip, calls, coalesce(refused, 0), last_seen_at, agent, endpoint, tokens FROM callers
WHERE NOT is_listed ORDER BY last_seen_at DESC LIMIT %(limit)s"""
_DAYS = f"""
SELECT c.day, sum(c.calls)::bigint FROM accounts_apicaller AS c
WHERE c.account_id = %(account)s AND c.day > %(since)s AND c.verdict <> 'unexpected' AND NOT {_LISTED}
GROUP BY c.day
"""  # noqa: S608 - text of this module only  # nosec B608
_MATCHES = """
SELECT entry.id, max(c.last_seen_at) FROM security_allowlistentry AS entry
JOIN accounts_apicaller AS c ON c.account_id = entry.account_id AND entry.network >>= c.ip
WHERE entry.account_id = %s AND c.verdict <> 'unexpected' GROUP BY entry.id
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
        cursor.execute(_MATCHES, [account.pk])
        matched = dict(cursor.fetchall())
    entries = AllowlistEntry.objects.of(account).select_related("made_by").order_by("-made_at", "-id")
    return [EntryRow(entry, entry.is_live(now), matched.get(entry.pk)) for entry in entries]


def admitting(account: Account, address: Address, *, now: datetime) -> AllowlistEntry | None:
    """Return the narrowest live entry that lets the address in."""
    entries = [row for row in AllowlistEntry.objects.of(account) if row.is_live(now)]
    networks = [(ipaddress.ip_network(str(row.network)), row) for row in entries]
    holding = [(network.prefixlen, row.pk, row) for network, row in networks if address in network]
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
        cursor.execute(_CALLERS + _COUNTS, values)
        callers, calls, refused = cursor.fetchone()
        cursor.execute(_CALLERS + _ROWS, values)
        rows = tuple(CallerRow(*row) for row in cursor.fetchall())
        cursor.execute(_DAYS, values)
        by_day = draw_days(dict(cursor.fetchall()), today=now.date(), days=days)
    return Replay(callers, calls, refused, rows, days, by_day)
