"""Name the countries of the price list, and find one by name, code, dial code or number."""

import re
from dataclasses import dataclass
from functools import cache

import phonenumbers
from babel import Locale
from phonenumbers import PhoneMetadata

# CLDR has a few more codes: groupings, islands that ISO only reserves, and codes for tests.
_NOT_ISO = frozenset(["AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"])
# These have no numbers of their own; the dial code is that of the country that administers them.
_WITHOUT_NUMBERS = {"AQ": 672, "BV": 47, "GS": 500, "HM": 672, "PN": 64, "TF": 262, "UM": 1}
_PARENTHESES = re.compile(r"[()+\s.-]")
_CODE = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Country:
    """A country, by its ISO 3166-1 code."""

    iso: str
    name: str
    dial_code: int

    @property
    def has_numbers(self) -> bool:
        """Say whether the country has a numbering plan."""
        return self.iso not in _WITHOUT_NUMBERS


@cache
def countries() -> dict[str, Country]:
    """Return every country of ISO 3166-1, and Kosovo under the code that is in use for it, by name."""
    names = {str(code): str(name) for code, name in Locale("en").territories.items()}
    codes = [code for code in names if _CODE.fullmatch(code) and code not in _NOT_ISO]
    found = [Country(code, names[code], _dial_code(code)) for code in codes]
    return {each.iso: each for each in sorted(found, key=lambda each: _plain(each.name))}


def _dial_code(iso: str) -> int:
    return _WITHOUT_NUMBERS.get(iso) or int(phonenumbers.country_code_for_region(iso))


def _plain(name: str) -> str:
    return name.replace("\u00c5", "A").replace("\u00d4", "O").casefold()


def find_countries(words: str) -> list[Country]:
    """Return the countries that the words name, best first: a code, a dial code, or a part of the name."""
    text = words.strip()
    if text.upper() in countries():
        return [countries()[text.upper()]]
    digits = _PARENTHESES.sub("", text)
    if digits.isascii() and digits.isdigit():
        return _with_dial_code(digits)
    wanted = _plain(text)
    named = [each for each in countries().values() if wanted and wanted in _plain(each.name)]
    exact = [each for each in named if _plain(each.name) == wanted]
    return exact or sorted(named, key=lambda each: not _plain(each.name).startswith(wanted))


def _with_dial_code(digits: str) -> list[Country]:
    shared = [each for each in countries().values() if str(each.dial_code) == digits]
    main = phonenumbers.region_code_for_country_code(int(digits)) if len(digits) < 4 else ""  # noqa: PLR2004 - dial codes have three digits at most
    return sorted(shared, key=lambda each: each.iso != main) or _with_area_code(digits)


def _with_area_code(digits: str) -> list[Country]:
    """Return who begins numbers like that, such as 1242 for the Bahamas."""
    found = []
    for country in countries().values():
        code = str(country.dial_code)
        plan = PhoneMetadata.metadata_for_region(country.iso, None)
        area = digits.removeprefix(code)
        if plan and plan.leading_digits and digits.startswith(code) and re.match(plan.leading_digits, area):
            found.append(country)
    return found
