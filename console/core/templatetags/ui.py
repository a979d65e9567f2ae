"""Draw icons, money, rates and times the same way on every page."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import dateformat, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

ICON_SOURCE: Final = Path(__file__).resolve().parents[3] / "static" / "img" / "icons.svg"
MINUS: Final = "\N{MINUS SIGN}"
MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
JUST_NOW: Final = 5
HIDDEN: Final = [("aria-hidden", "true")]
Shape = tuple[str, tuple[tuple[str, str], ...]]


class _IconReader(HTMLParser):
    """Collect the shapes of each symbol in the icon sheet."""

    def __init__(self) -> None:
        super().__init__()
        self.icons: dict[str, list[Shape]] = {}
        self._name = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Start a symbol, or add a shape to the one that is open."""
        if tag == "symbol":
            self._name = dict(attrs)["id"] or ""
            self.icons[self._name] = []
        elif tag in {"path", "circle"}:
            self.icons[self._name].append((tag, tuple((key, value or "") for key, value in attrs)))


@cache
def _icons() -> dict[str, list[Shape]]:
    reader = _IconReader()
    reader.feed(ICON_SOURCE.read_text(encoding="utf-8"))
    return reader.icons


@cache
def _drawn(name: str, css: str, label: str) -> SafeString:
    # Every part goes through format_html, so nothing here is trusted more than a template would be.
    if name not in _icons():
        raise template.TemplateSyntaxError(f"There is no icon called {name!r} in {ICON_SOURCE.name}.")
    shapes = format_html_join(
        "",
        "<{}{}/>",
        ((tag, format_html_join("", ' {}="{}"', attrs)) for tag, attrs in _icons()[name]),
    )
    dots = "icon--dots" if name == "more" else ""
    classes = " ".join(filter(None, ["icon", dots, css]))
    meaning = format_html_join(" ", '{}="{}"', [("role", "img"), ("aria-label", label)] if label else HIDDEN)
    return format_html('<svg class="{}" viewBox="0 0 20 20" {}>{}</svg>', classes, meaning, shapes)


@register.simple_tag
def icon(name: str, css: str = "", label: str = "") -> SafeString:
    """Draw one icon inline; decorative unless it has a label."""
    return _drawn(name, css, label)


@register.simple_tag
def assets(template: str) -> SafeString:
    """Render links to stylesheets or scripts; they are the same on every page, so compressed ones once a process."""
    return _rendered_once(template) if settings.COMPRESS_OFFLINE else render_to_string(template)


@cache
def _rendered_once(template: str) -> SafeString:
    return render_to_string(template)


@register.filter
def initials(name: str) -> str:
    """Shorten a name to the letters of its first and last word."""
    words = [letters for word in str(name).split() if (letters := [c for c in word if c.isalnum()])]
    if not words:
        return "?"
    chosen = [words[0], words[-1]] if len(words) > 1 else words
    return "".join(letters[0] for letters in chosen).upper()


@register.filter
def money(value: Decimal | int | str) -> str:
    """Write an amount in dollars with two places, a true minus and thousands parted."""
    return _dollars(value, Decimal("0.01"))


@register.filter
def rate(value: Decimal | int | str) -> str:
    """Write a price per unit in dollars with five places."""
    return _dollars(value, Decimal("0.00001"))


def _dollars(value: Decimal | int | str, places: Decimal) -> str:
    amount = Decimal(value).quantize(places, rounding=ROUND_HALF_UP)
    return f"{MINUS if amount < 0 else ''}${abs(amount):,}"


@register.filter
def grouped(value: int) -> str:
    """Write a count with its thousands parted."""
    return f"{value:,}"


@register.filter
def headline(text: object) -> tuple[str, str]:
    """Part the first sentence from the rest, so that a message can lead with it."""
    head, stop, rest = str(text).partition(". ")
    return (head + stop.strip(), rest) if rest else ("", head)


@register.filter
def duration(seconds: float | timedelta) -> str:
    """Say a length of time in its largest whole unit, rounded up."""
    left = seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds)
    for size, unit in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if left > size or (left == size and unit != "minute"):
            return _counted(math.ceil(left / size), unit)
    return _counted(max(math.ceil(left), 1), "second")


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


@register.simple_tag
def when(moment: datetime | None, style: str = "relative", now: datetime | None = None) -> SafeString | str:
    """Say when something was or will be: relative within a day, then a date in the reader's zone.

    The style "date" gives the date and time in any case.
    """
    if moment is None:
        return "Never"
    current = now or timezone.now()
    local = timezone.localtime(moment)
    words = _relative(moment - current) if style == "relative" else ""
    full = dateformat.format(local, "D j F Y, H:i T")
    text = words or _date(local, timezone.localtime(current))
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        full,
        text,
    )


def _relative(distance: timedelta) -> str:
    seconds = int(abs(distance).total_seconds())
    if seconds >= DAY:
        return ""
    if seconds < JUST_NOW:
        return "now"
    count, unit = _short(seconds)
    return f"in {count} {unit}" if distance > timedelta(0) else f"{count} {unit} ago"


def _short(seconds: int) -> tuple[int, str]:
    if seconds < MINUTE:
        return seconds, "s"
    return (seconds // MINUTE, "min") if seconds < HOUR else (seconds // HOUR, "h")


def _date(local: datetime, today: datetime) -> str:
    same_year = local.year == today.year
    return dateformat.format(local, "D j M, H:i" if same_year else "D j M Y, H:i")
