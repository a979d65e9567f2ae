"""Reckon with months and limits: which month it is, when the next begins, and when a limit is reached."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

_FEW_DAYS = timedelta(days=2)


def month_of(now: datetime, zone: str) -> date:
    """Return the first day of the month that it is in the time zone."""
    return now.astimezone(ZoneInfo(zone)).date().replace(day=1)


def next_month(month: date) -> date:
    """Return the first day of the month after."""
    return (month + timedelta(days=32)).replace(day=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """What was spent in a month against a limit; no limit is None."""

    month: date
    spent: Decimal
    limit: Decimal | None
    alert_percent: int | None
    is_hard: bool

    @property
    def percent(self) -> int:
        """Return how much of the limit is spent, rounded down, so that 100 means all of it."""
        return int(self.spent * 100 / self.limit) if self.limit else 0

    @property
    def is_reached(self) -> bool:
        """Say whether all of the limit is spent."""
        return self.limit is not None and self.spent >= self.limit

    @property
    def is_stopped(self) -> bool:
        """Say whether calls and messages are refused for the rest of the month."""
        return self.is_reached and self.is_hard

    @property
    def alert_at(self) -> Decimal | None:
        """Return the spending at which mail warns, or None."""
        return alert_amount(self.limit, self.alert_percent) if self.limit and self.alert_percent else None

    @property
    def is_alerted(self) -> bool:
        """Say whether the spending at which mail warns is reached."""
        return self.alert_at is not None and self.spent >= self.alert_at

    @property
    def starts_again(self) -> date:
        """Return the day on which the spending begins anew."""
        return next_month(self.month)

    def reached_on(self, now: datetime, zone: str) -> date | None:
        """Return the day of this month on which, at the pace so far, the limit is reached; None is not or unknown."""
        today = now.astimezone(ZoneInfo(zone))
        begun = today.replace(year=self.month.year, month=self.month.month, day=1, hour=0, minute=0, second=0)
        passed = today - begun
        if self.limit is None or self.is_reached or not self.spent or passed < _FEW_DAYS:
            return None
        day = (begun + passed * float(self.limit / self.spent)).date()
        return day if day < self.starts_again else None


def alert_amount(limit: Decimal, percent: int) -> Decimal:
    """Return the spending at which mail warns."""
    return limit * percent / 100
