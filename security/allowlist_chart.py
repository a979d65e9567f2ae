"""Draw counts by day as bars: the numbers of an SVG, ready for a template."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

_BASE, _TALLEST, _WIDTH = 80.0, 64.0, 0.6
_LEAST = 1.5


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: its place and size in percent of the picture, and its count."""

    day: date
    count: int
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, slots=True)
class DayChart:
    """Bars of the days that have a count, from the first day to today, and what they say in words."""

    bars: tuple[Bar, ...]
    first: date
    total: int
    highest: Bar


def draw_days(counts: Mapping[date, int], *, today: date, days: int) -> DayChart | None:
    """Place a bar for each day that has a count among the last ``days``; None when there is none."""
    first = today - timedelta(days=days - 1)
    shown = {day: count for day, count in sorted(counts.items()) if count and first <= day <= today}
    if not shown:
        return None
    most = max(shown.values())
    bars = tuple(_bar(day, count, (day - first).days, days, most) for day, count in shown.items())
    return DayChart(bars, first, sum(shown.values()), max(bars, key=lambda bar: bar.count))


def _bar(day: date, count: int, place: int, days: int, most: int) -> Bar:
    slot, height = 100 / days, max(_TALLEST * count / most, _LEAST)
    x, width = place * slot + slot * (1 - _WIDTH) / 2, slot * _WIDTH
    return Bar(day, count, *(f"{value:.2f}%" for value in (x, _BASE - height, width, height)))
