"""Prove that every balance is the sum of its ledger."""

import logging
import time
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Max

from accounts.models import Account
from billing.models import LedgerCheck

_ACCOUNTS_AT_ONCE = 5_000
_MOST_PROBLEMS = 100
_log = logging.getLogger("console.billing")
# One statement sees one moment, so money that moves meanwhile is no difference.
_COMPARE = """
WITH entry AS (
  SELECT account_id, amount, balance_after, id,
    balance_after - amount <> coalesce(lag(balance_after) OVER chain, 0) AS is_torn,
    row_number() OVER (PARTITION BY account_id ORDER BY id DESC) = 1 AS is_last
  FROM billing_ledgerentry WHERE account_id > %(after)s AND account_id <= %(upto)s
  WINDOW chain AS (PARTITION BY account_id ORDER BY id)
), summed AS (
  SELECT account_id, sum(amount) AS total, count(*) AS entries, count(*) FILTER (WHERE is_torn) AS torn,
    max(balance_after) FILTER (WHERE is_last) AS last
  FROM entry GROUP BY account_id
), days AS (
  SELECT account_id, sum(amount) AS total, sum(entries) AS entries FROM billing_ledgerday
  WHERE account_id > %(after)s AND account_id <= %(upto)s GROUP BY account_id
), compared AS (
  SELECT coalesce(balance.account_id, summed.account_id) AS account_id, balance.amount AS kept,
    coalesce(summed.total, 0) AS total, coalesce(summed.entries, 0) AS entries, coalesce(summed.torn, 0) AS torn,
    coalesce(summed.last, 0) AS last, coalesce(days.total, 0) AS of_days, coalesce(days.entries, 0) AS counted
  FROM summed FULL JOIN (
    SELECT * FROM billing_balance WHERE account_id > %(after)s AND account_id <= %(upto)s
  ) AS balance ON balance.account_id = summed.account_id
  LEFT JOIN days ON days.account_id = summed.account_id
)
SELECT account_id, kept, total, last, torn, of_days, entries, counted,
  kept IS DISTINCT FROM total OR last <> total OR torn > 0 OR of_days <> total OR counted <> entries
FROM compared
"""


def verify_if_due(*, now: datetime) -> LedgerCheck | None:
    """Verify unless that was done in the last day."""
    # An hour less than a day: a task that comes an hour later each time would skip days.
    if LedgerCheck.objects.filter(at__gt=now - timedelta(hours=23)).exists():
        return None
    return verify_ledger(now=now)


def verify_ledger(*, now: datetime) -> LedgerCheck:
    """Compare every balance with its ledger, and keep what was found; nothing is locked."""
    began = time.monotonic()
    newest = Account.objects.aggregate(newest=Max("pk"))["newest"] or 0
    accounts = entries = 0
    problems: list[dict[str, Any]] = []
    for after in range(0, newest, _ACCOUNTS_AT_ONCE):
        for row in _compare(after, after + _ACCOUNTS_AT_ONCE):
            accounts, entries = accounts + 1, entries + row[6]
            problems += [_problem(row)] if row[-1] else []
    for problem in problems:
        _log.error("a ledger does not add up", extra=problem)
    return LedgerCheck.objects.create(
        at=now,
        accounts=accounts,
        entries=entries,
        problems=problems[:_MOST_PROBLEMS],
        took_seconds=time.monotonic() - began,
    )


def _compare(after: int, upto: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_COMPARE, {"after": after, "upto": upto})
        return cursor.fetchall()


def _problem(row: tuple[Any, ...]) -> dict[str, Any]:
    account_id, kept, total, last, torn, of_days, entries, counted, _ = row
    return {
        "account_id": account_id,
        "balance": str(kept),
        "sum": str(total),
        "last": str(last),
        "torn": torn,
        "days": str(of_days),
        "entries": entries,
        "counted": int(counted),
    }
