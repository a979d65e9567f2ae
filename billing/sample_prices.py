"""Make a price list of every country for development, demos and tests: plausible, and nobody's real prices.

Prefixes and networks are those of the numbering plans that ``phonenumbers`` knows; the rates follow from a digest of
what they are for, so that every run makes the same list.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberType

from billing.countries import Country, countries

Line = tuple[str, str, str, str, str, str, str, str]
_FIVE = Decimal("0.00001")
_CENTS = Decimal("0.01")
_NETWORKS = 5
_PREFIXES_OF_A_NETWORK = 10
_LONGEST_AREA = 5
# Islands that share an area with each other or with the mainland.
_NARROW = {61, 590}
_TYPES = {
    "local": PhoneNumberType.FIXED_LINE,
    "national": PhoneNumberType.UAN,
    "mobile": PhoneNumberType.MOBILE,
    "tollfree": PhoneNumberType.TOLL_FREE,
}
# A minute to a landline, by the first digit of the dial code.
_ZONES = dict(
    zip("123456789", (".010", ".14", ".014", ".013", ".045", ".05", ".03", ".03", ".04"), strict=True)
)
_RENTS = {"local": "1.00", "national": "1.60", "mobile": "2.80", "tollfree": "6.50"}


@dataclass(slots=True)
class _Plan:
    """The prefixes of a country: prefix by (type, destination)."""

    country: Country
    areas: list[str] = field(default_factory=list)
    networks: dict[str, list[str]] = field(default_factory=dict)
    mobile: str = ""
    toll_free: str = ""


def sample_lines() -> Iterator[Line]:
    """Yield the lines of the sample, in the columns that an import has."""
    for plan in _plans():
        yield from _voice(plan)
        yield from _messages(plan)
        yield from _rentals(plan.country)


# --- Numbering plans -------------------------------------------------------------------------


def _plans() -> list[_Plan]:
    taken: set[str] = set()
    plans = [_Plan(country) for country in countries().values()]
    # The country that a dial code mainly belongs to comes first, so that no other takes its prefixes.
    for plan in sorted(plans, key=lambda each: not _is_main(each.country)):
        plan.areas = _free(_areas(plan.country), taken)
    for plan in sorted(plans, key=lambda each: not _is_main(each.country)):
        plan.toll_free = _first(_free([_start_of(plan.country, "tollfree", 3)], taken))
        plan.mobile = _first(_free([_mobile(plan.country)], taken))
    _add_networks(plans, taken)
    return plans


def _is_main(country: Country) -> bool:
    return phonenumbers.region_code_for_country_code(country.dial_code) == country.iso


def _free(prefixes: list[str], taken: set[str]) -> list[str]:
    found = [each for each in dict.fromkeys(prefixes) if each and each not in taken]
    taken.update(found)
    return found


def _first(found: list[str]) -> str:
    return found[0] if found else ""


def _areas(country: Country) -> list[str]:
    """Return what every number of the country begins with."""
    if not country.has_numbers:
        return []
    code = str(country.dial_code)
    if _is_main(country):
        return [code]
    plan: Any = PhoneMetadata.metadata_for_region(country.iso, None)
    if country.iso == "CA":
        pattern = re.compile(plan.fixed_line.national_number_pattern)
        return [f"1{area}" for area in range(200, 1000) if pattern.fullmatch(f"{area}2345678"[:10])]
    if plan.leading_digits:
        return [code + area for area in _matching(re.compile(plan.leading_digits))]
    digits = 5 if country.dial_code in _NARROW else 4
    return [_start_of(country, kind, digits) for kind in ("local", "mobile") if _is_own(country, kind)]


def _matching(pattern: re.Pattern[str]) -> list[str]:
    found: list[str] = []
    for length in range(1, _LONGEST_AREA + 1):
        for number in range(10**length):
            area = f"{number:0{length}d}"
            if not area.startswith(tuple(found)) and pattern.fullmatch(area):
                found.append(area)
    return found


def _example(country: Country, kind: str) -> phonenumbers.PhoneNumber | None:
    return phonenumbers.example_number_for_type(country.iso, _TYPES[kind]) if country.has_numbers else None


def _is_own(country: Country, kind: str) -> bool:
    example = _example(country, kind)
    return example is not None and phonenumbers.region_code_for_number(example) == country.iso


def _start_of(country: Country, kind: str, digits: int) -> str:
    example = _example(country, kind)
    if example is None or not _is_own(country, kind):
        return ""
    return f"{example.country_code}{phonenumbers.national_significant_number(example)[:digits]}"


def _mobile(country: Country) -> str:
    """Return two digits that mobile numbers begin with, unless landlines do so too."""
    prefix = _start_of(country, "mobile", 2)
    return "" if not _is_main(country) or prefix == _start_of(country, "local", 2) else prefix


def _add_networks(plans: list[_Plan], taken: set[str]) -> None:
    from phonenumbers.carrierdata import CARRIER_DATA  # noqa: PLC0415 - large, and of use here alone

    owners = {area: plan for plan in plans for area in plan.areas}
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for prefix in sorted(CARRIER_DATA, key=lambda each: (len(each), each)):
        name = CARRIER_DATA[prefix].get("en", "").split("/")[0].strip()
        plan = next((owners[prefix[:n]] for n in range(len(prefix), 0, -1) if prefix[:n] in owners), None)
        if plan and name and len(prefix) - len(str(plan.country.dial_code)) <= _LONGEST_AREA:
            found[plan.country.iso][name].append(prefix)
    for plan in plans:
        largest = sorted(found[plan.country.iso].items(), key=lambda each: (-len(each[1]), each[0]))
        for name, prefixes in largest[:_NETWORKS]:
            if own := _free(prefixes[:_PREFIXES_OF_A_NETWORK], taken):
                plan.networks[name] = own


# --- Rates -----------------------------------------------------------------------------------


def _voice(plan: _Plan) -> Iterator[Line]:
    country, landline = plan.country, _landline(plan.country)
    yield _line("voice", country, "outbound", "ip", rate=Decimal("0.003"))
    yield _line("voice", country, "inbound", "ip", rate=Decimal("0.003"))
    for area in plan.areas:
        yield _line("voice", country, "outbound", "local", area, destination="Landline", rate=landline)
    if plan.mobile:
        rate = landline * _about(country, "mobile", 2)
        yield _line("voice", country, "outbound", "mobile", plan.mobile, destination="Mobile", rate=rate)
    for name, prefixes in plan.networks.items():
        rate = landline * _about(country, name, 2)
        for prefix in prefixes:
            words = f"Mobile, {name}"[:80]
            yield _line("voice", country, "outbound", "mobile", prefix, destination=words, rate=rate)
    if plan.toll_free:
        rate = Decimal("0.004") * _about(country, "free", 1)
        yield _line(
            "voice", country, "outbound", "tollfree", plan.toll_free, destination="Toll-free", rate=rate
        )
    for kind in _rented(country):
        rate = Decimal(".022" if kind == "tollfree" else ".005") * _about(country, kind, 1)
        yield _line("voice", country, "inbound", kind, rate=rate)


def _messages(plan: _Plan) -> Iterator[Line]:
    country = plan.country
    if not plan.areas:
        return
    base = Decimal(".0065" if country.dial_code == 1 else ".052")
    yield _line("message", country, "outbound", rate=base * _about(country, "text", 1))
    for name in plan.networks:
        yield _line(
            "message", country, "outbound", network=name[:80], rate=base * _about(country, f"text {name}", 1)
        )
    yield _line("message", country, "inbound", rate=Decimal(0))


def _rentals(country: Country) -> Iterator[Line]:
    for kind in _rented(country):
        rate = Decimal(_RENTS[kind]) * _about(country, f"rent {kind}", 1)
        yield _line("number", country, "rental", kind, rate=rate.quantize(_CENTS))


def _rented(country: Country) -> list[str]:
    return [kind for kind in _TYPES if _is_own(country, kind)]


def _landline(country: Country) -> Decimal:
    return Decimal(_ZONES[str(country.dial_code)[0]]) * _about(country, "landline", 1)


def _about(country: Country, words: str, times: int) -> Decimal:
    """Return a factor from 0.8 to 1.3 times the given one, always the same for the same words."""
    digest = hashlib.sha256(f"{country.iso} {words}".encode()).digest()
    return times * (Decimal("0.8") + Decimal(int.from_bytes(digest[:2], "big") % 50) / 100)


def _line(
    service: str,
    country: Country,
    direction: str,
    number_type: str = "",
    prefix: str = "",
    *,
    network: str = "",
    destination: str = "",
    rate: Decimal,
) -> Line:
    shown = f"{rate.quantize(_FIVE):f}"
    return (service, country.iso, direction, number_type, prefix, network, destination, shown)
