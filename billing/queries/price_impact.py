"""Compute what a published list would have changed in the last month of the accounts that it concerns."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from billing.models import PriceList
from billing.queries.rating import rated_sql

_USED_DAYS = 90
_INSTANT = timedelta(microseconds=1)
_MOST_SHOWN = 20
# The numbers are cut to what prefixes reach, so that a month of events becomes few rows; a row is rated twice, with
# the prices of the last instant before the list counts and of the first at which it does.
_IMPACT = f"""
WITH changed AS (SELECT DISTINCT country FROM billing_price WHERE price_list_id = %(list)s),
concerned AS (
  SELECT day.account_id, string_agg(DISTINCT day.country, ' ' ORDER BY day.country) AS countries
  FROM subaccounts_usageday AS day JOIN changed ON changed.country = day.country
  WHERE day.day >= %(since)s AND (%(account)s::bigint IS NULL OR day.account_id = %(account)s)
  GROUP BY day.account_id
),
traffic AS MATERIALIZED (
  SELECT row_number() OVER () AS n, month.*
  FROM (
    SELECT event.account_id, CASE event.kind WHEN 'call' THEN 'voice' ELSE 'message' END AS service, event.direction,
      CASE WHEN event.to_number ~ '^\\+?[0-9]+$' THEN left(ltrim(event.to_number, '+'), (SELECT max(length(prefix)) FROM billing_price)) ELSE '' END AS number,
      CASE WHEN event.to_number ~ '^\\+?[0-9]+$' THEN 'local' ELSE 'ip' END AS number_type,
      event.country, '' AS network,
      sum(event.units) * CASE event.kind WHEN 'call' THEN 60 ELSE 1 END AS quantity
    FROM subaccounts_usageevent AS event
    JOIN concerned ON concerned.account_id = event.account_id
    JOIN changed ON changed.country = event.country
    WHERE event.at >= %(month)s AND event.at < %(month_end)s
    GROUP BY event.account_id, event.kind, event.direction, 4, 5, event.country
  ) AS month
),
was AS MATERIALIZED (SELECT traffic.*, %(before)s::timestamptz AS at FROM traffic),
will AS MATERIALIZED (SELECT traffic.*, %(after)s::timestamptz AS at FROM traffic),
moved AS (
  SELECT traffic.account_id, sum(coalesce(later.amount, 0) - coalesce(earlier.amount, 0)) AS impact
  FROM traffic
  JOIN ({rated_sql("was")}) AS earlier ON earlier.n = traffic.n
  JOIN ({rated_sql("will")}) AS later ON later.n = traffic.n
  GROUP BY traffic.account_id
)
SELECT concerned.account_id, concerned.countries, coalesce(moved.impact, 0) AS impact
FROM concerned LEFT JOIN moved ON moved.account_id = concerned.account_id
"""  # noqa: S608  # nosec B608 - the parts are written in the code
_NOTICES = """
INSERT INTO billing_pricenotice (account_id, price_list_id, countries, impact, made_at)
SELECT found.account_id, %(list)s, left(found.countries, 1000), found.impact, %(now)s FROM ({impact}) AS found
ON CONFLICT DO NOTHING
"""
_LARGEST = """
SELECT account.auth_id, account.name, found.countries, found.impact, count(*) OVER (), sum(found.impact) OVER ()
FROM ({impact}) AS found JOIN accounts_account AS account ON account.id = found.account_id
ORDER BY abs(found.impact) DESC, account.auth_id LIMIT {most}
"""


@dataclass(frozen=True, slots=True)
class Impact:
    """What a list would have changed in the last month of one account."""

    auth_id: str
    name: str
    countries: str
    amount: Decimal


def largest_impacts(published: PriceList, *, now: datetime) -> tuple[list[Impact], int, Decimal]:
    """Return the accounts whose last month would change most, how many are concerned, and the sum."""
    rows = list(_rows(_LARGEST.format(impact=_IMPACT, most=_MOST_SHOWN), _values(published, now)))
    count, total = (rows[0][4], rows[0][5]) if rows else (0, Decimal(0))
    return [Impact(*row[:4]) for row in rows], count, total


def insert_notices(published: PriceList, *, now: datetime) -> int:
    """Insert a notice for every account that used a country of the list in the last days; return how many are new."""
    with connection.cursor() as cursor:
        # Nobody waits for this; the events of a month may be many.
        cursor.execute("SET LOCAL statement_timeout = '10min'")
        cursor.execute(_NOTICES.format(impact=_IMPACT), _values(published, now))
        return int(cursor.rowcount)


def _rows(statement: str, values: dict[str, Any]) -> Iterator[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        yield from cursor.fetchall()


def last_month(now: datetime) -> tuple[datetime, datetime]:
    """Return where the calendar month before the instant begins and ends, in UTC."""
    end = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (end - timedelta(days=1)).replace(day=1), end


def _values(published: PriceList, now: datetime) -> dict[str, Any]:
    month, month_end = last_month(now)
    return {
        "list": published.pk,
        "account": published.account_id,
        "since": (now - timedelta(days=_USED_DAYS)).date(),
        "month": month,
        "month_end": month_end,
        "before": published.effective_at - _INSTANT,
        "after": published.effective_at,
        "now": now,
    }
