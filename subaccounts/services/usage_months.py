"""Keep the months of the usage log: open those to come, delete what is too old, drop months that are over."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from subaccounts.models import UsageDay

_BATCH = 10_000
_MOST_BATCHES = 50
_TRIM = """
DELETE FROM subaccounts_usageevent WHERE (account_id, at, event_id) IN (
  SELECT account_id, at, event_id FROM subaccounts_usageevent WHERE at < %s LIMIT %s
)"""


def months_between(first: date, last: date) -> Iterator[date]:
    """Yield the first day of each month from that of one day to that of another."""
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = (month + timedelta(days=32)).replace(day=1)


def open_months(*, now: datetime) -> list[date]:
    """Open every month that is kept or comes next and is not open; return those opened.

    There is no partition for the rest: an event outside of what is open is refused, never put aside in silence.
    """
    first = (now - timedelta(days=settings.CONSOLE_USAGE_DAYS)).astimezone(UTC).date()
    last = (now + timedelta(days=31 * settings.CONSOLE_USAGE_MONTHS_AHEAD)).astimezone(UTC).date()
    known = open_now()
    return [month for month in months_between(first, last) if month not in known and _call("open", month)]


def open_now() -> set[date]:
    """Return the first day of each month that has a partition."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT month FROM subaccounts_usagemonth")
        return {month for (month,) in cursor.fetchall()}


def drop_months(*, now: datetime) -> list[date]:
    """Drop the months of which nothing is kept, and return them."""
    edge = _edge(now).date().replace(day=1)
    return [month for month in sorted(open_now()) if month < edge and _call("drop", month)]


def trim_edge(*, now: datetime) -> int:
    """Delete what is too old in the month that is partly kept, in batches; return how many rows."""
    deleted = 0
    for _ in range(_MOST_BATCHES):
        with connection.cursor() as cursor:
            cursor.execute(_TRIM, [_edge(now), _BATCH])
            deleted += cursor.rowcount
            if cursor.rowcount < _BATCH:
                break
    return deleted


def trim_sums(*, now: datetime) -> int:
    """Delete sums of days that are too old, and return how many."""
    last = now.date() - timedelta(days=settings.CONSOLE_USAGE_SUM_DAYS)
    deleted, _ = UsageDay.unscoped.filter(day__lt=last).delete()
    return deleted


def _edge(now: datetime) -> datetime:
    return (now - timedelta(days=settings.CONSOLE_USAGE_DAYS)).astimezone(UTC)


def _call(deed: str, month: date) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT subaccounts_{deed}_usage_month(%s)", [month])
        return bool(cursor.fetchone()[0])
