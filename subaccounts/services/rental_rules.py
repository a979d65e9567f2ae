"""Say when a rental is paid next, and what becomes of one that is not paid. Nothing here reads the database."""

import calendar
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from subaccounts.models import Number

Notice = Number.Notice
_AGAIN = timedelta(hours=6)
_MONTHS = 12


def renewal_after(first: date, current: date) -> date:
    """Return the day a month after ``current``; a rental of the 31st keeps the last day of each month."""
    months = current.year * _MONTHS + current.month
    year, month = divmod(months, _MONTHS)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(first.day, last))


def due_on(day: date) -> datetime:
    """Return the instant at which a day begins, in UTC."""
    return datetime.combine(day, time(), tzinfo=UTC)


def try_again(now: datetime) -> datetime:
    """Return when a rental that could not be paid is tried again."""
    return now + _AGAIN


def ends_on(overdue_since: date) -> date:
    """Return the day on which a number is given back when its rent stays unpaid."""
    return overdue_since + timedelta(days=settings.CONSOLE_RENTAL_GRACE_DAYS)


def notice_due(overdue_since: date, today: date) -> int | None:
    """Return how far the people have to be told today; None when the time is over."""
    left = (ends_on(overdue_since) - today).days
    if left <= 0:
        return None
    return Notice.WARNED if left <= settings.CONSOLE_RENTAL_WARN_DAYS else Notice.TOLD


def warned_late(today: date) -> date:
    """Return since when a rental counts as overdue whose warning comes today, after the time was over."""
    grace, warning = settings.CONSOLE_RENTAL_GRACE_DAYS, settings.CONSOLE_RENTAL_WARN_DAYS
    return today - timedelta(days=max(grace - warning, 0))


def charge(*, row: Number, begins: date, ends: date, amount: Decimal, now: datetime) -> bool:
    """Charge a month of a number through billing, once for rental and month, and say whether it is paid."""
    paid: bool = _charger()(
        account=row.account,
        amount=amount,
        key=f"rental:{row.public_id}:{begins}",
        cause=f"rental:{row.public_id}",
        note=f"+{row.number}, {begins:%-d %b %Y} to {ends:%-d %b %Y}",
        subaccount_id=row.subaccount_id,
        now=now,
    )
    return paid


@cache
def _charger() -> Any:
    return import_string(settings.RENTAL_CHARGER)
