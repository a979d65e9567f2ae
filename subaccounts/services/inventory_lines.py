"""Read numbers for the inventory from CSV, a line at a time: what can be loaded, and why the rest cannot."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import phonenumbers

from accounts.names import NameRefused, clean_name
from console.core.errors import DomainError
from subaccounts.models import InventoryNumber, NumberType

COLUMNS = (
    "number",
    "country_iso",
    "number_type",
    "city",
    "region",
    "services",
    "monthly_rate",
    "setup_rate",
    "voice_rate",
    "sms_rate",
    "mms_rate",
    "carrier",
)
_SERVICES = ("voice", "sms", "mms")
_AMOUNTS = {
    "monthly_rate": "monthly_amount",
    "setup_rate": "setup_amount",
    "voice_rate": "voice_rate",
    "sms_rate": "sms_rate",
    "mms_rate": "mms_rate",
}
_TEXTS = {"city": 80, "region": 80, "carrier": 40}
_MOST = Decimal(10_000)
_PLACES = 5
_LONGEST_LINE = 1000
_PATTERN = re.compile(r"[1-9][0-9]{6,14}")


class FileRefused(DomainError):
    """The file as a whole is none that can be read."""

    code = "file_refused"


class LineRefused(DomainError):
    """One line cannot be loaded."""

    code = "line_refused"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file: the number to load, or why not."""

    place: int
    number: InventoryNumber | None = None
    reason: str = ""


def read_lines(source: Iterable[str], *, is_sample: bool) -> Iterator[Line]:
    """Yield the lines of a CSV file with a header; memory stays the same however many there are.

    :raises FileRefused: if the header has other columns
    """
    reader = csv.reader(_short_enough(source), strict=True)
    _check_columns(_next_row(reader))
    while True:
        try:
            row = _next_row(reader)
            if row is None:
                return
            if row:
                yield Line(reader.line_num, _number(row, is_sample=is_sample))
        except LineRefused as error:
            yield Line(reader.line_num, reason=str(error))
        except csv.Error:
            yield Line(reader.line_num, reason="the quotes do not match")


def check_header(text: str) -> None:
    """Judge the first line of a file.

    :raises FileRefused: if it names other columns
    """
    first = text.lstrip("\ufeff").partition("\n")[0]
    _check_columns(first.strip("\r").split(","))


def _check_columns(header: list[str] | None) -> None:
    if header == list(COLUMNS):
        return
    missing = [name for name in COLUMNS if name not in (header or [])]
    raise FileRefused(
        f"The first line must name these columns in this order: {', '.join(COLUMNS)}."
        + (f" Missing: {', '.join(missing)}." if missing else "")
    )


def _next_row(reader: Any) -> list[str] | None:
    row: list[str] | None = next(reader, None)
    return row


def _short_enough(source: Iterable[str]) -> Iterator[str]:
    for place, line in enumerate(source):
        text = line.removeprefix("\ufeff") if place == 0 else line
        # A line without an end would be read into memory whole.
        yield text if len(text) <= _LONGEST_LINE else "line too long\n"


def _number(row: list[str], *, is_sample: bool) -> InventoryNumber:
    if len(row) != len(COLUMNS):
        raise LineRefused(f"has {len(row)} columns, not {len(COLUMNS)}")
    cells = {name: cell.strip() for name, cell in zip(COLUMNS, row, strict=True)}
    made = InventoryNumber(is_sample=is_sample)
    made.country_iso = _country(cells["country_iso"])
    made.number = _digits(cells["number"], made.country_iso)
    if cells["number_type"] not in NumberType.values:
        raise LineRefused(f"number_type must be one of {', '.join(NumberType.values)}")
    made.number_type = cells["number_type"]
    _put_services(made, cells["services"])
    for column, field in _AMOUNTS.items():
        setattr(made, field, _amount(cells[column], column))
    for column, limit in _TEXTS.items():
        setattr(made, column, _text(cells[column], column, limit))
    return made


def _country(text: str) -> str:
    if text not in phonenumbers.SUPPORTED_REGIONS:
        raise LineRefused("country_iso must be a code of two capitals, such as NL")
    return text


def _digits(text: str, country: str) -> str:
    number = text.removeprefix("+")
    if not (number.isascii() and _PATTERN.fullmatch(number)):
        raise LineRefused("number must have 7 to 15 digits in E.164 form, such as 31201234567")
    code = str(phonenumbers.country_code_for_region(country))
    if not number.startswith(code):
        raise LineRefused(f"number does not begin with {code}, the code of {country}")
    return number


def _put_services(made: InventoryNumber, text: str) -> None:
    names = {name.strip() for name in text.split("+")}
    if not names <= set(_SERVICES):
        raise LineRefused("services must be voice, sms, mms, or several of them joined by +")
    for name in _SERVICES:
        setattr(made, f"has_{name}", name in names)


def _amount(text: str, column: str) -> Decimal:
    try:
        amount = Decimal(text or "0")
    except InvalidOperation as error:
        raise LineRefused(f"{column} must be an amount such as 0.80000") from error
    if not amount.is_finite() or not 0 <= amount < _MOST or amount != round(amount, _PLACES):
        raise LineRefused(f"{column} must be from 0 to {_MOST}, with at most {_PLACES} decimals")
    return amount


def _text(text: str, column: str, limit: int) -> str:
    if not text:
        return ""
    try:
        return clean_name(text, limit=limit)
    except NameRefused as error:
        raise LineRefused(f"{column}: {error}") from error
