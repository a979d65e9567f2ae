"""Draw usage as the numbers of an SVG: stacked bars by day, shares by country and subaccount. No look-ups here."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

_BASE, _TOP, _WIDTH = 86.0, 12.0, 0.62
_MOST_LINES = 3
_STEPS = (Decimal("0.5"), Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5))
_TICKS = 5
_SERIES = ("call", "message")
_MOST_SHARES = 10


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a bar: its series, and its place and size in percent."""

    series: int
    x: str
    y: str
    width: str
    height: str
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A word on an axis, and where it stands; a minor one goes on narrow screens."""

    text: str
    place: str
    is_minor: bool = False


@dataclass(frozen=True, slots=True)
class DayRow:
    """A day as the table beside the chart says it."""

    day: date
    calls: Decimal
    messages: Decimal

    @property
    def total(self) -> Decimal:
        """Return what the day cost."""
        return self.calls + self.messages


@dataclass(frozen=True, slots=True)
class DayChart:
    """Bars of every day, lines behind them, words below, and the same as rows, newest first."""

    pieces: tuple[Piece, ...]
    lines: tuple[Mark, ...]
    ticks: tuple[Mark, ...]
    rows: tuple[DayRow, ...]
    highest: DayRow
    ends_today: bool

    @property
    def first(self) -> date:
        """Return the first day."""
        return self.rows[-1].day

    @property
    def last(self) -> date:
        """Return the last day."""
        return self.rows[0].day


@dataclass(frozen=True, slots=True)
class Share:
    """One country or subaccount: what it is called, its sums, and how long its bars are in percent."""

    key: Any
    name: str
    calls: Any
    messages: Any
    total: Any
    width: str
    first_width: str
    rest_width: str


def draw_days(
    days: Mapping[date, Mapping[str, Any]], *, first: date, last: date, today: date
) -> DayChart | None:
    """Stack the cost of calls and messages of each day; None when nothing was used."""
    rows = [_row(day, days.get(day, {})) for day in _each_day(first, last)]
    highest = max(rows, key=lambda row: row.total, default=None)
    if highest is None or not days:
        return None
    ceiling, lines = _scale(highest.total)
    slot = 100 / len(rows)
    pieces = [
        piece for place, row in enumerate(rows) for piece in _bar(row, place, slot, ceiling, row.day == today)
    ]
    ticks = _ticks(rows, slot, today)
    return DayChart(tuple(pieces), lines, ticks, tuple(reversed(rows)), highest, rows[-1].day == today)


def _each_day(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=count) for count in range((last - first).days + 1))


def _row(day: date, kinds: Mapping[str, Any]) -> DayRow:
    costs = [kinds[kind].cost if kind in kinds else Decimal(0) for kind in _SERIES]
    return DayRow(day, *costs)


def _scale(highest: Decimal) -> tuple[Decimal, tuple[Mark, ...]]:
    """Return the amount at the top, and at most three lines at round amounts below or at it."""
    if not highest:
        return Decimal(1), ()
    power = Decimal(10) ** highest.adjusted()
    step = next(size * power for size in _STEPS if _parts(highest, size * power) <= _MOST_LINES)
    count = _parts(highest, step)
    lines = tuple(
        Mark(_amount(step * number), _percent(_height(step * number, step * count)))
        for number in range(1, count + 1)
    )
    return step * count, lines


def _parts(value: Decimal, step: Decimal) -> int:
    return math.ceil(value / step)


def _amount(value: Decimal) -> str:
    return f"${value:,.0f}" if value == value.to_integral_value() else f"${value.normalize():,f}"


def _height(value: Decimal, ceiling: Decimal) -> float:
    return _BASE - (_BASE - _TOP) * float(value / ceiling)


def _percent(value: float) -> str:
    return f"{value:.2f}%"


def _bar(row: DayRow, place: int, slot: float, ceiling: Decimal, is_partial: bool) -> Iterator[Piece]:  # noqa: FBT001 - a pure step
    below = Decimal(0)
    x, width = place * slot + slot * (1 - _WIDTH) / 2, slot * _WIDTH
    for series, cost in enumerate((row.calls, row.messages), start=1):
        if cost:
            top, bottom = _height(below + cost, ceiling), _height(below, ceiling)
            height = _percent(bottom - top)
            yield Piece(series, _percent(x), _percent(top), _percent(width), height, is_partial)
        below += cost


def _ticks(rows: list[DayRow], slot: float, today: date) -> tuple[Mark, ...]:
    """Name some days; the last one stands at the end by itself when it is today."""
    every = max(round(len(rows) / _TICKS), 1)
    keep = len(rows) - every if rows[-1].day == today else len(rows)
    return tuple(
        Mark(f"{row.day.day} {row.day:%b}", _percent((place + 0.5) * slot), number % 2 == 1)
        for number, (place, row) in enumerate(list(enumerate(rows))[::every])
        if place < keep
    )


def draw_shares(
    parts: Mapping[Any, Mapping[str, Any]], *, names: Mapping[Any, str], nothing: Any, rest: str
) -> tuple[Share, ...]:
    """Return the largest parts by cost with their bars, and all others as one; ``nothing`` is an empty total."""
    rows = [
        (key, names.get(key, str(key)), *(kinds.get(kind, nothing) for kind in _SERIES))
        for key, kinds in parts.items()
    ]
    rows.sort(key=lambda row: (-(row[2] + row[3]).cost, row[1]))
    shown, others = rows[:_MOST_SHARES], rows[_MOST_SHARES:]
    if others:
        shown.append((None, rest, *(_sum((row[place] for row in others), nothing) for place in (2, 3))))
    most = max(((calls + messages).cost for _, _, calls, messages in shown), default=Decimal(0))
    return tuple(_share(*row, most=most) for row in shown)


def _sum(totals: Iterable[Any], nothing: Any) -> Any:
    return sum(totals, start=nothing)


def _share(key: Any, name: str, calls: Any, messages: Any, *, most: Decimal) -> Share:
    total = calls + messages
    widths = [_percent(float(part.cost / most) * 100 if most else 0.0) for part in (total, calls, messages)]
    return Share(key, name, calls, messages, total, *widths)
