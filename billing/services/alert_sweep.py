"""Look again at the thresholds of accounts whose balance moved: nothing that a transaction missed stays untold."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from billing.models import AlertRecipient, AlertSweep, LedgerEntry
from billing.services.charging import lock_balances
from billing.services.movement import ABOVE, Move, balance_moved, open_thresholds

_BATCH = 200
# One range of the ledger's primary key; the thresholds of those who moved are looked up one account at a time.
_DUE = """
SELECT moved.account_id FROM (
  SELECT DISTINCT account_id FROM billing_ledgerentry WHERE id > %(since)s AND id <= %(until)s
) AS moved
JOIN billing_balance AS balance USING (account_id)
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE amount = ANY(%(amounts)s)) AS known, bool_or(
    (is_custom OR amount = ANY(%(amounts)s))
    AND CASE state WHEN 'armed' THEN balance.amount < threshold.amount
        ELSE balance.amount >= threshold.amount * %(above)s END
  ) AS is_due
  FROM billing_alertthreshold AS threshold WHERE threshold.account_id = moved.account_id
) AS seen
WHERE seen.is_due OR seen.known < cardinality(%(amounts)s::numeric[])
ORDER BY moved.account_id
"""
_PERMANENT = "SMTPRecipientsRefused"


def sweep_alerts(*, now: datetime) -> int:
    """Look at the accounts with entries since the sweep before the last one; return how many had to be put right.

    It may stop anywhere and run twice at once: what is right already changes nothing, and the mark moves last.
    """
    mark, _ = AlertSweep.objects.get_or_create(pk=1)
    until = LedgerEntry.unscoped.aggregate(newest=Max("id"))["newest"] or 0
    due = _due(mark.before_entry_id, until)
    for ids in _batches(due):
        _look_at(ids, now)
    AlertSweep.objects.filter(pk=1).update(at=now, before_entry_id=mark.entry_id, entry_id=until)
    return len(due)


def _due(since: int, until: int) -> list[int]:
    values: dict[str, Any] = {
        "since": since,
        "until": until,
        "amounts": settings.CONSOLE_ALERT_AMOUNTS,
        "above": ABOVE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_DUE, values)
        return [row[0] for row in cursor.fetchall()]


def _batches(ids: list[int]) -> Iterator[list[int]]:
    return (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))


@transaction.atomic
def _look_at(ids: list[int], now: datetime) -> None:
    left = lock_balances(account_ids=ids, now=now)
    open_thresholds(left=left)
    moves = [Move(account_id, amount, amount) for account_id, amount in left.items()]
    balance_moved(moves=moves, now=now)


def mark_bounces(*, now: datetime) -> int:
    """Mark the addresses whose newest mail the other side refused for good, and let go of mails that left."""
    known = AlertRecipient.unscoped.filter(mail__isnull=False)
    refused = known.filter(mail__failed_at__isnull=False, mail__last_error=_PERMANENT)
    bounced: int = AlertRecipient.unscoped.filter(pk__in=list(refused.values_list("pk", flat=True))).update(
        bounced_at=now, mail=None
    )
    over = known.exclude(mail__done_at=None, mail__failed_at=None)
    AlertRecipient.unscoped.filter(pk__in=list(over.values_list("pk", flat=True))).update(mail=None)
    return bounced
