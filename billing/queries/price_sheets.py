"""Show a book of prices: as the object of the API, as lines of CSV, as the tables of a page."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing import pricing
from billing.pricing import NumberType, Rate
from billing.queries.prices import Book

VOICE_COLUMNS = (
    "country_iso",
    "country",
    "direction",
    "number_type",
    "prefix",
    "origination_prefix",
    "rate_usd_per_minute",
)
MESSAGE_COLUMNS = ("country_iso", "country", "direction", "network_group", "rate_usd_per_segment")
NUMBER_COLUMNS = ("country_iso", "country", "number_type", "rate_usd_per_month")
_NAMES = {
    NumberType.IP: "Between SIP endpoints",
    NumberType.LOCAL: "Local",
    NumberType.NATIONAL: "National",
    NumberType.MOBILE: "Mobile",
    NumberType.TOLL_FREE: "Toll-free",
}


# --- CSV -------------------------------------------------------------------------------------


def voice_lines(book: Book) -> list[list[object]]:
    """Return a line for each price of calls, outbound first."""
    start = [book.country.iso, book.country.name]
    return [
        [*start, rate.direction, rate.number_type, _digits(rate.prefix), "", rate.rate]
        for direction in ("outbound", "inbound")
        for rate in book.of("voice", direction)
    ]


def message_lines(book: Book) -> list[list[object]]:
    """Return a line for each price of messages, outbound first; no network group means any other."""
    start = [book.country.iso, book.country.name]
    return [
        [*start, rate.direction, rate.network, rate.rate]
        for direction in ("outbound", "inbound")
        for rate in book.of("message", direction)
    ]


def number_lines(book: Book) -> list[list[object]]:
    """Return a line for each type of number that can be rented."""
    start = [book.country.iso, book.country.name]
    return [[*start, rate.number_type, rate.rate] for rate in book.of("number", "rental")]


def _digits(prefix: str) -> int | str:
    return int(prefix) if prefix else ""


# --- API -------------------------------------------------------------------------------------


def api_object(book: Book) -> dict[str, Any]:
    """Return the prices of the country as the HTTP API shows them."""
    voice_in = {rate.number_type: rate for rate in book.of("voice", "inbound")}
    return {
        "country": book.country.name,
        "country_code": book.country.dial_code,
        "country_iso": book.country.iso,
        "message": _message(book),
        "phone_numbers": {rate.number_type: _rate(rate) for rate in book.of("number", "rental")},
        "voice": {
            "inbound": {kind: _rate(voice_in.get(kind)) for kind in ("ip", "local", "tollfree")}
            | {kind: _rate(rate) for kind, rate in voice_in.items()},
            "outbound": _outbound(book),
        },
    }


def _message(book: Book) -> dict[str, Any]:
    out = book.of("message", "outbound")
    received = book.of("message", "inbound")
    return {
        "inbound": _rate(received[0] if received else None),
        "outbound": _rate(next((rate for rate in out if not rate.network), None)),
        "outbound_networks_list": [
            {"group_name": f"{book.country.name} - {rate.network}", **_rate(rate)}
            for rate in out
            if rate.network
        ],
    }


def _outbound(book: Book) -> dict[str, Any]:
    rates = book.of("voice", "outbound")
    by_type: dict[str, Rate] = {}
    for rate in rates:
        by_type.setdefault(rate.number_type, rate)
    code = str(book.country.dial_code)
    default = next((rate for rate in rates if rate.prefix == code), by_type.get("local"))
    groups: dict[tuple[Any, ...], list[str]] = {}
    for rate in rates:
        if rate.prefix:
            groups.setdefault((rate.destination, rate.rate), []).append(rate.prefix)
    return {
        "ip": _rate(by_type.get("ip")),
        "local": _rate(default),
        "tollfree": _rate(by_type.get("tollfree")),
        "rates": [{"prefix": prefixes, "rate": f"{rate:.5f}"} for (_, rate), prefixes in groups.items()],
    }


def _rate(rate: Rate | None) -> dict[str, str | None]:
    return {"rate": None if rate is None else f"{rate.rate:.5f}"}


# --- Pages -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Coming:
    """What a price becomes, and when; None as rate means that it ends."""

    at: datetime
    rate: Decimal | None
    percent: Decimal | None

    @property
    def is_increase(self) -> bool:
        """Say whether it gets dearer or ends."""
        return self.rate is None or (self.percent or 0) > 0

    @property
    def size(self) -> Decimal:
        """Return the percentage without its sign."""
        return abs(self.percent or Decimal(0))


@dataclass(slots=True)
class Row:
    """Prices that read the same: a destination with its prefixes, a network, or a type of number."""

    name: str
    prefixes: list[str]
    listed: Decimal | None
    own: Decimal | None
    coming: Coming | None
    is_contract: bool


def rows_of(book: Book, service: str, direction: str, *, words: str = "") -> list[Row]:
    """Return the rows of a table, those that the words are in; prefixes with the same prices share one."""
    listed, later = book.listed, _coming(book)
    rows: dict[tuple[Any, ...], Row] = {}
    for rate in book.of(service, direction):
        before = listed.get(rate.key)
        coming = later.get(rate.key)
        place = (_name(rate), before.rate if before else None, rate.rate, coming)
        row = rows.setdefault(place, Row(_name(rate), [], place[1], rate.rate, coming, rate.is_contract))
        if rate.prefix:
            row.prefixes.append(rate.prefix)
    return [row for row in rows.values() if _holds(row, words)]


def _name(rate: Rate) -> str:
    if rate.service == "message":
        return rate.network or ("Any other network" if rate.direction == "outbound" else "Any number")
    return rate.destination or _NAMES[NumberType(rate.number_type)]


def _holds(row: Row, words: str) -> bool:
    text = words.strip().casefold()
    digits = text.lstrip("+").replace(" ", "")
    return text in row.name.casefold() or any(
        digits.isdigit() and (prefix.startswith(digits) or digits.startswith(prefix))
        for prefix in row.prefixes
    )


def _coming(book: Book) -> dict[pricing.Key, Coming]:
    """Return the first announced change of each price."""
    found: dict[pricing.Key, Coming] = {}
    now = book.prices
    for at in sorted({rate.starts_at for rate in book.rates if rate.starts_at > book.at}):
        then = pricing.in_force(book.rates, at=at)
        for key in (now.keys() | then.keys()) - found.keys():
            before, after = now.get(key), then.get(key)
            if before and (after is None or before.rate != after.rate):
                found[key] = Coming(at, after.rate if after else None, _percent(before, after))
    return found


def _percent(before: Rate, after: Rate | None) -> Decimal | None:
    if after is None or before.rate is None or after.rate is None:
        return None
    return pricing.change_in_percent(before.rate, after.rate)


def announced(rows: Iterable[Row]) -> int:
    """Count the rows with a change to come."""
    return sum(row.coming is not None for row in rows)


def sheet(kind: str, books: Iterable[Book]) -> Iterator[list[list[object]]]:
    """Yield the lines of a file, a country at a time."""
    lines = {"voice": voice_lines, "messaging": message_lines, "numbers": number_lines}[kind]
    return (lines(book) for book in books)


COLUMNS = {"voice": VOICE_COLUMNS, "messaging": MESSAGE_COLUMNS, "numbers": NUMBER_COLUMNS}
