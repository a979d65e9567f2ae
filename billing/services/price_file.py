"""Read a file of prices, line by line, with the reason for every line that is refused."""

import csv
import re
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO

from accounts.names import NameRefused, clean_name
from billing.countries import countries
from billing.pricing import Direction, NumberType, Service

COLUMNS = (
    "service",
    "country_iso",
    "direction",
    "number_type",
    "prefix",
    "network_group",
    "destination",
    "rate_usd",
)
MOST_LINES = 50_000
_MOST_ERRORS = 100
_LONGEST = 80
_RATE = re.compile(r"\d{1,5}(\.\d{1,5})?")
_PREFIX = re.compile(r"[1-9]\d{0,14}")
_WAYS = {
    Service.VOICE: {Direction.OUTBOUND, Direction.INBOUND},
    Service.MESSAGE: {Direction.OUTBOUND, Direction.INBOUND},
    Service.NUMBER: {Direction.RENTAL},
}


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One line that can be published; without a rate it takes back what was there."""

    number: int
    service: str
    country: str
    direction: str
    number_type: str
    prefix: str
    network: str
    destination: str
    rate: Decimal | None

    @property
    def thing(self) -> tuple[str, ...]:
        """Return what the line prices; a file says it once."""
        if self.prefix:
            return (self.prefix,)
        return (self.service, self.direction, self.country, self.number_type, self.network)


@dataclass(frozen=True, slots=True)
class LineRefused:
    """A line that cannot be published, and why."""

    number: int
    reason: str

    def __str__(self) -> str:
        return f"Line {self.number}: {self.reason}"


class _Bad(Exception):
    pass


def read_prices(text: str) -> tuple[list[PriceLine], list[LineRefused]]:
    """Return the good lines, and the first refusals; numbers count from the header, which is line 1."""
    reader = csv.reader(StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    lines: list[PriceLine] = []
    refused: list[LineRefused] = []
    seen: dict[tuple[str, ...], int] = {}
    try:
        if tuple(cell.strip().lower() for cell in next(reader, [])) != COLUMNS:
            return [], [LineRefused(1, f"the columns must be {', '.join(COLUMNS)}")]
        for cells in reader:
            if cells and len(lines) + len(refused) >= MOST_LINES:
                return lines, [
                    *refused,
                    LineRefused(reader.line_num, f"a file holds at most {MOST_LINES} lines"),
                ]
            if cells:
                _read_one(reader.line_num, cells, seen, lines, refused)
    except csv.Error as error:
        refused.append(LineRefused(reader.line_num, f"not CSV: {error}"))
    if not lines and not refused:
        refused.append(LineRefused(2, "there is no price in the file"))
    return lines, refused[:_MOST_ERRORS]


def _read_one(
    number: int,
    cells: list[str],
    seen: dict[tuple[str, ...], int],
    lines: list[PriceLine],
    refused: list[LineRefused],
) -> None:
    try:
        line = _line(number, cells)
    except _Bad as bad:
        refused.append(LineRefused(number, str(bad)))
        return
    if first := seen.get(line.thing):
        refused.append(LineRefused(number, f"the same thing is priced on line {first}"))
        return
    seen[line.thing] = number
    lines.append(line)


def _line(number: int, cells: list[str]) -> PriceLine:
    if len(cells) != len(COLUMNS):
        raise _Bad(f"{len(COLUMNS)} columns are wanted, there are {len(cells)}")
    given = dict(zip(COLUMNS, (cell.strip() for cell in cells), strict=True))
    service, direction = _way(given["service"].lower(), given["direction"].lower())
    country = countries().get(given["country_iso"].upper())
    if country is None:
        raise _Bad(f"{_shown(given['country_iso'])} is no country code")
    number_type = _type(service, given["number_type"].lower())
    by_prefix = (service, direction) == ("voice", "outbound") and number_type != NumberType.IP
    return PriceLine(
        number=number,
        service=service,
        country=country.iso,
        direction=direction,
        number_type=number_type,
        prefix=_prefix(given["prefix"], str(country.dial_code), is_wanted=by_prefix),
        network=_network(given["network_group"], is_welcome=(service, direction) == ("message", "outbound")),
        destination=_text(given["destination"]),
        rate=_rate(given["rate_usd"]),
    )


def _way(service: str, direction: str) -> tuple[str, str]:
    if service not in _WAYS:
        raise _Bad(f"service is voice, message or number, not {_shown(service)}")
    if direction not in _WAYS[Service(service)]:
        ways = " or ".join(sorted(_WAYS[Service(service)]))
        raise _Bad(f"direction of {service} is {ways}, not {_shown(direction)}")
    return service, direction


def _type(service: str, number_type: str) -> str:
    if service == Service.MESSAGE:
        if number_type:
            raise _Bad("messages have no number type")
        return ""
    known = [each.value for each in NumberType if service == Service.VOICE or each is not NumberType.IP]
    if number_type not in known:
        raise _Bad(f"number_type is one of {', '.join(known)}, not {_shown(number_type)}")
    return number_type


def _prefix(prefix: str, dial_code: str, *, is_wanted: bool) -> str:
    if not is_wanted:
        if prefix:
            raise _Bad("only calls out to numbers have a prefix")
        return ""
    if not _PREFIX.fullmatch(prefix) or not prefix.isascii():
        raise _Bad(f"prefix is 1 to 15 digits with the dial code in front, not {_shown(prefix)}")
    if not prefix.startswith(dial_code):
        raise _Bad(f"prefix {prefix} does not begin with the dial code {dial_code}")
    return prefix


def _network(network: str, *, is_welcome: bool) -> str:
    if network and not is_welcome:
        raise _Bad("only messages out have a network group")
    return _text(network)


def _text(text: str) -> str:
    try:
        return clean_name(text, limit=_LONGEST) if text else ""
    except NameRefused as error:
        raise _Bad(str(error)) from error


def _rate(rate: str) -> Decimal | None:
    if not rate:
        return None
    if not rate.isascii() or not _RATE.fullmatch(rate):
        raise _Bad(f"rate_usd is like 0.01250, with five decimals at most, not {_shown(rate)}")
    return Decimal(rate)


def _shown(text: str) -> str:
    return f"{text[:40]!a}" if text else "nothing"
