"""Decide whether auto-recharge may charge a card now: pure rules, without a database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

BRAKE_COUNT = 3
BRAKE_WINDOW = timedelta(minutes=10)
DECLINED_REST = timedelta(hours=1)
PERIODS = ("day", "week", "month")


@dataclass(frozen=True, slots=True)
class Period:
    """A day, week or month of the account's calendar, as instants."""

    name: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Cap:
    """A cap that the next recharge would pass; auto-recharge rests until its period is over."""

    name: str
    limit: Decimal
    until: datetime


def periods(now: datetime, zone: str) -> tuple[Period, ...]:
    """Return the day, the week from Monday, and the month in which the instant lies."""
    local = now.astimezone(ZoneInfo(zone))
    day = local.replace(hour=0, minute=0, second=0, microsecond=0)
    week, month = day - timedelta(days=day.weekday()), day.replace(day=1)
    next_month = (month + timedelta(days=32)).replace(day=1)
    return (
        Period("day", day, day + timedelta(days=1)),
        Period("week", week, week + timedelta(days=7)),
        Period("month", month, next_month),
    )


def passed_cap(
    amount: Decimal, limits: Mapping[str, Decimal], spent: Mapping[str, Decimal], found: Sequence[Period]
) -> Cap | None:
    """Return the cap that ``amount`` more would pass; of several the one that holds longest."""
    passed = [
        Cap(period.name, limits[period.name], period.ends_at)
        for period in found
        if spent[period.name] + amount > limits[period.name]
    ]
    return max(passed, key=lambda cap: cap.until, default=None)


def brakes(made: Sequence[datetime], now: datetime) -> bool:
    """Say whether so many recharges were made within minutes that a person must look."""
    return sum(now - each <= BRAKE_WINDOW for each in made) >= BRAKE_COUNT
