"""Look at the thresholds of balances that move, in the transaction that moves them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection

from accounts.models import Account
from billing.models import AlertThreshold, BalanceAlert
from console.core.access import Actor
from console.core.events import EventKind, record

# Armed again when the balance is 10 % above, so that a balance that trembles around an amount is told once.
ABOVE = Decimal("1.1")
_DUE = """
SELECT threshold.id, threshold.account_id, threshold.amount, threshold.state, threshold.fired_at IS NOT NULL,
  moved.left_after
FROM unnest(%s::bigint[], %s::numeric[], %s::boolean[]) AS moved (account_id, left_after, is_recharge)
JOIN billing_alertthreshold AS threshold USING (account_id)
WHERE (threshold.is_custom OR threshold.amount = ANY(%s)) AND CASE threshold.state
  WHEN 'armed' THEN moved.left_after < threshold.amount
  ELSE moved.left_after >= threshold.amount * CASE WHEN moved.is_recharge THEN 1 ELSE %s END END
"""
# What begins below its amount begins as fired: nothing fell, so nobody is told.
_OPEN = """
INSERT INTO billing_alertthreshold (account_id, amount, is_custom, state)
SELECT risen.account_id, built_in.amount, false, CASE WHEN risen.left_after < built_in.amount THEN 'fired' ELSE 'armed' END
FROM unnest(%s::bigint[], %s::numeric[]) AS risen (account_id, left_after),
  unnest(%s::numeric[]) AS built_in (amount)
ORDER BY 1, 2 ON CONFLICT DO NOTHING
"""
_FIRE = "UPDATE billing_alertthreshold SET state = 'fired', fired_at = %s WHERE id = ANY(%s)"
_ARM = "UPDATE billing_alertthreshold SET state = 'armed', fired_at = NULL WHERE id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Move:
    """A balance that moved: what it was, what it is, in US dollars, and whether a recharge moved it."""

    account_id: int
    before: Decimal
    after: Decimal
    is_recharge: bool = False


@dataclass(frozen=True, slots=True)
class _Due:
    """A threshold that changes its state; ``was_told`` says whether its fall was told."""

    threshold_id: int
    account_id: int
    amount: Decimal
    state: str
    was_told: bool
    left: Decimal


def balance_moved(*, moves: Sequence[Move], now: datetime) -> None:
    """Fire and arm the thresholds that the balances crossed, and write down what is to be told.

    The caller's transaction holds the locks of the balances, so that one crossing is seen once. A batch in which
    nothing crosses costs one query.
    """
    open_thresholds(left={move.account_id: move.after for move in moves if move.after > move.before})
    due = _due_of(moves)
    if not due:
        return
    fallen = [row for row in due if row.state == AlertThreshold.State.ARMED]
    risen = [row for row in due if row.state == AlertThreshold.State.FIRED]
    with connection.cursor() as cursor:
        cursor.execute(_FIRE, [now, [row.threshold_id for row in fallen]])
        cursor.execute(_ARM, [[row.threshold_id for row in risen]])
    alerts = [*_deepest(fallen, now), *_highest([row for row in risen if row.was_told], now)]
    _tell(BalanceAlert.unscoped.bulk_create(alerts), now)


def open_thresholds(*, left: dict[int, Decimal]) -> None:
    """Give accounts, by what they have left, the built-in amounts that they do not have yet."""
    if left:
        with connection.cursor() as cursor:
            cursor.execute(_OPEN, [list(left), list(left.values()), settings.CONSOLE_ALERT_AMOUNTS])


def _due_of(moves: Sequence[Move]) -> list[_Due]:
    rows = zip(*((move.account_id, move.after, move.is_recharge) for move in moves), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [*(list(part) for part in rows), settings.CONSOLE_ALERT_AMOUNTS, ABOVE])
        return [_Due(*row) for row in cursor.fetchall()]


def _deepest(fallen: Iterable[_Due], now: datetime) -> list[BalanceAlert]:
    """Return one alert for each account, of the lowest amount that it fell below."""
    return [
        _alert(BalanceAlert.Kind.FELL, min(rows, key=lambda row: row.amount), now)
        for rows in _by_account(fallen)
    ]


def _highest(risen: Iterable[_Due], now: datetime) -> list[BalanceAlert]:
    """Return one notice for each account, of the highest amount that it is above again."""
    return [
        _alert(BalanceAlert.Kind.RECOVERED, max(rows, key=lambda row: row.amount), now)
        for rows in _by_account(risen)
    ]


def _by_account(rows: Iterable[_Due]) -> Iterable[list[_Due]]:
    found: dict[int, list[_Due]] = defaultdict(list)
    for row in rows:
        found[row.account_id].append(row)
    return found.values()


def _alert(kind: str, row: _Due, now: datetime) -> BalanceAlert:
    return BalanceAlert(account_id=row.account_id, kind=kind, amount=row.amount, balance=row.left, at=now)


_EVENTS = {
    BalanceAlert.Kind.FELL: EventKind.BALANCE_ALERT_FIRED,
    BalanceAlert.Kind.RECOVERED: EventKind.BALANCE_ALERT_RECOVERED,
}


def _tell(alerts: Sequence[BalanceAlert], now: datetime) -> None:
    accounts = Account.objects.in_bulk({alert.account_id for alert in alerts})
    for alert in sorted(alerts, key=lambda row: row.account_id):
        facts: dict[str, Any] = {"amount": str(alert.amount), "balance": str(alert.balance)}
        actor = Actor.system(accounts[alert.account_id])
        record(_EVENTS[BalanceAlert.Kind(alert.kind)], actor=actor, target=alert, at=now, **facts)
