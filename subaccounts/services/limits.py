"""Limit what a subaccount may spend in a month, note what it spends, and say so once at each mark."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from subaccounts.limit_rules import Standing, month_of
from subaccounts.models import MonthSpend, SpendLimit, Subaccount
from subaccounts.services.subaccounts import lock_subaccount

MOST = Decimal(1_000_000)
_NOTE = """
INSERT INTO subaccounts_monthspend AS noted (account_id, subaccount_id, month, amount)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::date[], %s::numeric[])
ON CONFLICT (subaccount_id, month) DO UPDATE SET amount = noted.amount + excluded.amount
"""
_STOPPED = """
SELECT spent.subaccount_id FROM subaccounts_monthspend AS spent
JOIN subaccounts_spendlimit AS spend_limit USING (subaccount_id)
JOIN unnest(%s::bigint[], %s::date[]) AS asked (subaccount_id, month) USING (subaccount_id, month)
WHERE spend_limit.stop = 'hard' AND spent.amount >= spend_limit.amount
"""


class LimitRefused(DomainError):
    """The limit is none that can be kept."""

    code = "limit_refused"
    field = "amount"


@transaction.atomic
def set_limit(
    *,
    actor: Actor,
    auth_id: str,
    amount: Decimal | None,
    alert_percent: int | None,
    stop: str,
    now: datetime,
) -> Subaccount:
    """Set what a subaccount may spend in a month, or lift the limit (no amount).

    What it spent this month counts at once: a limit above it lets a stopped one go on, one below stops it.

    :raises LimitRefused: if the amount is not above nothing, or more than anybody spends
    :raises NoSuchSubaccount: if the account has none of that Auth ID
    """
    actor.require(Permission.SUBACCOUNT_MANAGE)
    if amount is not None and not 0 < amount <= MOST:
        raise LimitRefused(f"Enter an amount above $0 and up to ${MOST:,.0f}.")
    subaccount = lock_subaccount(actor.account, auth_id)
    rows = SpendLimit.objects.of(actor.account).filter(subaccount=subaccount)
    before = _facts(rows.first())
    if amount is None:
        rows.delete()
    else:
        values = {"amount": amount, "alert_percent": alert_percent, "stop": stop, "changed_at": now}
        if not rows.update(**values):
            SpendLimit.objects.create(account=actor.account, subaccount=subaccount, **values)
    after = _facts(rows.first())
    if before == after:
        return subaccount
    # The month is locked before the audit log, as by those who charge.
    month = _arm_again(subaccount, now=now)
    facts: dict[str, Any] = {"auth_id": auth_id, "name": subaccount.name, "before": before, "after": after}
    record(EventKind.SUBACCOUNT_LIMIT_CHANGED, actor=actor, target=subaccount, **facts)
    _tell([subaccount.pk], {month}, now=now)
    return subaccount


def _facts(limit: SpendLimit | None) -> dict[str, Any] | None:
    if limit is None:
        return None
    # Numbers as they come back from the database, so that the same limit twice is no change.
    return {"amount": f"{limit.amount:.5f}", "alert_percent": limit.alert_percent, "stop": limit.stop}


def _arm_again(subaccount: Subaccount, *, now: datetime) -> date:
    """Forget the marks of the old limit, and return the month that it is."""
    month = month_of(now, subaccount.account.time_zone)
    rows = MonthSpend.objects.of(subaccount.account).filter(subaccount=subaccount, month=month)
    rows.update(alerted_at=None, reached_at=None)
    return month


def note_spend(*, spent: Mapping[int, Decimal], now: datetime) -> None:
    """Add to what subaccounts spent this month, by their ids, in the caller's transaction.

    A batch costs three queries whatever it holds. The month is that of each account's own time zone, and the one in
    which the money moves, however late the usage came in.
    """
    amounts = {pk: amount for pk, amount in spent.items() if amount}
    rows = _places(amounts, now=now)
    if not rows:
        return
    # In one order for everybody: two batches never wait for each other.
    accounts, ids, months = [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [accounts, ids, months, [amounts[pk] for pk in ids]])
    _tell(ids, set(months), now=now)


def _places(ids: Collection[int], *, now: datetime) -> list[tuple[int, int, date]]:
    """Return, for each of these subaccounts, its account, its id and the month that it is there."""
    rows = Subaccount.unscoped.filter(pk__in=list(ids)).order_by("pk")
    found = rows.values_list("account_id", "pk", "account__time_zone")
    return [(account, pk, month_of(now, zone)) for account, pk, zone in found] if ids else []


def _tell(ids: Collection[int], months: Collection[date], *, now: datetime) -> None:
    """Write down, once for each mark of a month, that the warning's amount or the limit itself is reached."""
    rows = MonthSpend.unscoped.filter(subaccount_id__in=list(ids), month__in=list(months), reached_at=None)
    rows = rows.filter(subaccount__limit__isnull=False).order_by("pk")
    # The upsert, or the lock of the subaccount, keeps others from telling the same.
    for row in rows.select_related("subaccount__limit", "account"):
        limit = row.subaccount.limit
        standing = Standing(row.month, row.amount, limit.amount, limit.alert_percent, limit.is_hard)
        if standing.is_reached:
            _mark(row, EventKind.SUBACCOUNT_LIMIT_REACHED, alerted_at=row.alerted_at or now, reached_at=now)
        elif standing.is_alerted and row.alerted_at is None:
            _mark(row, EventKind.SUBACCOUNT_LIMIT_NEARING, alerted_at=now)


def _mark(row: MonthSpend, kind: EventKind, **marks: datetime) -> None:
    for name, at in marks.items():
        setattr(row, name, at)
    row.save(update_fields=list(marks))
    facts: dict[str, Any] = {"auth_id": row.subaccount.auth_id, "name": row.subaccount.name}
    facts |= {"month": row.month, "spent": row.amount, **(_facts(row.subaccount.limit) or {})}
    record(kind, actor=Actor.system(row.account), target=row.subaccount, **facts)


def stopped_among(ids: Collection[int], *, now: datetime) -> set[int]:
    """Return which of these subaccounts may make no calls and send no messages until their month is over."""
    rows = _places(ids, now=now)
    if not rows:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_STOPPED, [[row[1] for row in rows], [row[2] for row in rows]])
        return {pk for (pk,) in cursor.fetchall()}


def is_stopped(subaccount: Subaccount, *, now: datetime) -> bool:
    """Say whether the subaccount reached a limit that stops its calls and messages."""
    return bool(stopped_among([subaccount.pk], now=now))
