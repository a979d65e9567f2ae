"""Append what was called and sent, and keep its sums by day current in the same statement."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction

from accounts.models import Account
from console.core.errors import DomainError

MOST_EVENTS = 1000


class UnknownAccount(DomainError):
    """An event names an account that is not there."""


class UsageRow(NamedTuple):
    """One event, rated. ``units`` are started minutes of a call or segments of a message."""

    account_id: int
    at: datetime
    event_id: uuid.UUID
    subaccount_id: int | None
    units: int
    rate: Decimal
    cost: Decimal
    kind: str
    direction: str
    country: str
    status: str
    from_number: str
    to_number: str
    ip: str | None = None


_TYPES = (
    "bigint", "timestamptz", "uuid", "bigint", "integer", "numeric", "numeric",
    "text", "text", "text", "text", "text", "text", "inet",
)  # fmt: skip
_NAMES = (
    "account_id, at, event_id, subaccount_id, units, rate, cost, kind, direction, country, status, "
    "from_number, to_number, ip"
)
_DAY = "(fresh.at AT TIME ZONE zones.time_zone)::date"
_ADD = """
INSERT INTO subaccounts_usageday AS sums
  (account_id, subaccount_id, day, kind, direction, country, events, units, cost)
SELECT fresh.account_id, fresh.subaccount_id, {day}, fresh.kind, fresh.direction, fresh.country,
  count(*), sum(fresh.units), sum(fresh.cost)
FROM {source} AS fresh JOIN {zones} AS zones ON zones.id = fresh.account_id
{where}GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 3, 2, 4, 5, 6
ON CONFLICT (account_id, day, subaccount_id, kind, direction, country) DO UPDATE SET
  events = sums.events + excluded.events, units = sums.units + excluded.units, cost = sums.cost + excluded.cost
"""
# One lock on each account stands for what a foreign key would check at each row. Rows and sums are written in one
# order, so that batches which meet wait for each other and never in a ring.
_APPEND = f"""
WITH zones AS MATERIALIZED (
  SELECT id, time_zone FROM accounts_account WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE
), fresh AS (
  INSERT INTO subaccounts_usageevent ({_NAMES})
  SELECT given.* FROM unnest({", ".join(f"%s::{name}[]" for name in _TYPES)}) AS given ({_NAMES})
  JOIN zones ON zones.id = given.account_id WHERE (SELECT count(*) FROM zones) = %s ORDER BY given.account_id, given.at, given.event_id
  ON CONFLICT DO NOTHING
  RETURNING account_id, subaccount_id, at, event_id, kind, direction, country, units, cost
), summed AS ({_ADD.format(day=_DAY, source="fresh", zones="zones", where="")})
SELECT (SELECT count(*) FROM zones), ARRAY(SELECT event_id FROM fresh)
"""  # noqa: S608  # nosec B608 - every part is written above
_CUT = """DELETE FROM subaccounts_usageday WHERE account_id = %s AND day >= %s"""
_SUM = _ADD.format(
    day=_DAY,
    source="subaccounts_usageevent",
    zones="accounts_account",
    where="WHERE fresh.account_id = %s AND fresh.at >= %s::timestamp AT TIME ZONE zones.time_zone\n",
)


def append_usage(*, rows: Sequence[UsageRow]) -> set[uuid.UUID]:
    """Append events and add them to the sums; return the ids of those that are new.

    The caller owns the transaction, and has checked that each subaccount belongs to its account and that a month is
    open for each event (``span_of``). Events that are there already change nothing.

    :raises UnknownAccount: if an account is not there; nothing is appended then
    """
    if not connection.in_atomic_block:
        raise RuntimeError("append_usage() needs an open transaction.")
    if len(rows) > MOST_EVENTS:
        raise ValueError(f"At most {MOST_EVENTS} events at once.")
    if not rows:
        return set()
    accounts = sorted({row.account_id for row in rows})
    columns: list[Any] = [list(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_APPEND, [accounts, *columns, len(accounts)])
        found, fresh = cursor.fetchone()
    if found != len(accounts):
        raise UnknownAccount("An event names an account that is not there.")
    return set(fresh)


def span_of(*, now: datetime) -> tuple[datetime, datetime]:
    """Return from when and until when an event may have happened: what is older is not kept."""
    return now - timedelta(days=settings.CONSOLE_USAGE_DAYS), now + timedelta(hours=1)


@transaction.atomic
def cut_days_again(*, account_id: int, now: datetime) -> None:
    """Sum the account's events by day once more, after its time zone changed.

    Batches that run hold the account and are waited for; later ones read the new zone. Days older than what is kept
    stay as they were cut.
    """
    Account.objects.select_for_update().filter(pk=account_id).get()
    sum_days(account_id=account_id, first=(now - timedelta(days=settings.CONSOLE_USAGE_DAYS - 2)).date())


def sum_days(*, account_id: int, first: date) -> None:
    """Replace the sums of an account from a day on by those of its events; nobody may append meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(_CUT, [account_id, first])
        cursor.execute(_SUM, [account_id, first])
