"""Renew rentals month by month: paid, or told about and given back in the end.

The rows say what is due, so a second run does nothing and days off are caught up.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Min

from accounts.models import Account
from console.core.access import Actor
from console.core.events import EventKind, record
from subaccounts.models import Number
from subaccounts.services.numbers import give_back, named
from subaccounts.services.owners import hold_resources
from subaccounts.services.rental_rules import (
    charge,
    due_on,
    ends_on,
    notice_due,
    renewal_after,
    try_again,
    warned_late,
)

_ACCOUNTS, _AT_ONCE = 1000, 100
Notice = Number.Notice


@dataclass(slots=True)
class _Outcome:
    """What became of the due numbers of an account."""

    paid: list[Number] = field(default_factory=list)
    amount: Decimal = Decimal(0)
    told: list[Number] = field(default_factory=list)
    warned: list[Number] = field(default_factory=list)
    lost: list[Number] = field(default_factory=list)


def renew_due(*, now: datetime) -> int:
    """Renew every rental that is due, some of an account at a time, and return how many rows were looked at."""
    due = Number.unscoped.filter(due_at__lte=now)
    accounts = due.values("account_id").annotate(first=Min("due_at")).order_by("first")[:_ACCOUNTS]
    return sum(_renew_account(row["account_id"], now=now) for row in list(accounts))


def _renew_account(account_id: int, *, now: datetime) -> int:
    seen = 0
    # Every row that was looked at is due later, so this comes to an end.
    while found := _renew_some(account_id, now=now):
        seen += found
    return seen


@transaction.atomic
def _renew_some(account_id: int, *, now: datetime) -> int:
    # First what everybody locks first, so that a deletion of the owner never waits in a ring.
    hold_resources(Actor.system(Account(pk=account_id)))
    locked = Number.unscoped.select_for_update(of=("self",), skip_locked=True).select_related("account")
    rows = list(locked.filter(account_id=account_id, due_at__lte=now).order_by("pk")[:_AT_ONCE])
    outcome = _Outcome()
    for row in rows:
        _renew(row, outcome, now=now)
    if rows:
        _tell(outcome, Actor.system(rows[0].account), now=now)
    give_back(outcome.lost, now=now)
    return len(rows)


def _renew(row: Number, outcome: _Outcome, *, now: datetime) -> None:
    today = now.date()
    months = 0
    while row.renewal_date <= today and _pay(row, now=now):
        months += 1
    if months:
        outcome.paid.append(row)
        outcome.amount += months * row.monthly_amount
    if row.renewal_date > today:
        row.overdue_since, row.notice, row.due_at = None, Notice.NONE, due_on(row.renewal_date)
    else:
        _put_off(row, outcome, today=today, now=now)
    row.save(update_fields=["renewal_date", "overdue_since", "notice", "due_at"])


def _pay(row: Number, *, now: datetime) -> bool:
    """Pay the next month, and say whether that worked."""
    ends = renewal_after(row.rented_on, row.renewal_date)
    is_paid = charge(row=row, begins=row.renewal_date, ends=ends, amount=row.monthly_amount, now=now)
    if is_paid:
        row.renewal_date = ends
    return is_paid


def _put_off(row: Number, outcome: _Outcome, *, today: date, now: datetime) -> None:
    """Wait for money, tell about it once a stage, and give the number up when the time is over."""
    row.overdue_since = row.overdue_since or today
    row.due_at = try_again(now)
    notice = notice_due(row.overdue_since, today)
    if notice is None and row.notice < Notice.WARNED:
        # Nobody was warned, because nothing ran for days: the warning comes first, with all its days.
        row.overdue_since, notice = warned_late(today), Notice.WARNED
    if notice is None:
        outcome.lost.append(row)
    elif notice > row.notice:
        row.notice = notice
        (outcome.warned if notice == Notice.WARNED else outcome.told).append(row)


def _tell(outcome: _Outcome, actor: Actor, *, now: datetime) -> None:
    """Record what happened, one event of a kind for the account."""
    if outcome.paid:
        amount = str(outcome.amount)
        record(
            EventKind.NUMBERS_RENEWED,
            actor=actor,
            target=actor.account,
            at=now,
            amount=amount,
            **named(outcome.paid),
        )
    for kind, rows in (
        (EventKind.NUMBERS_OVERDUE, outcome.told),
        (EventKind.NUMBERS_ENDING, outcome.warned),
        (EventKind.NUMBERS_LOST, outcome.lost),
    ):
        if rows:
            ends = min(ends_on(row.overdue_since) for row in rows if row.overdue_since)
            owed = str(sum(row.monthly_amount for row in rows))
            record(
                kind, actor=actor, target=actor.account, at=now, owed=owed, ends_on=str(ends), **named(rows)
            )
