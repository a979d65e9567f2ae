"""Find the price of a usage and what it costs: pure rules, usage in, Decimal out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

_SECONDS = 60
Key = tuple[str, str, str, str, str, str]


class Service(StrEnum):
    """What is priced: minutes, segments, months."""

    VOICE = "voice"
    MESSAGE = "message"
    NUMBER = "number"


class Direction(StrEnum):
    """Which way it goes; a number is rented."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"
    RENTAL = "rental"


class NumberType(StrEnum):
    """What a number is; ``ip`` is a call between SIP endpoints."""

    LOCAL = "local"
    NATIONAL = "national"
    MOBILE = "mobile"
    TOLL_FREE = "tollfree"
    IP = "ip"


@dataclass(frozen=True, slots=True)
class Rate:
    """One published price; None as rate takes back what the key had before it.

    Outbound calls to numbers are keyed by ``prefix``, messages out by ``network`` (empty: any other), the rest by
    country and type. ``order`` ranks lists that start at the same instant.
    """

    service: str
    direction: str
    country: str
    rate: Decimal | None
    starts_at: datetime
    number_type: str = ""
    prefix: str = ""
    network: str = ""
    destination: str = ""
    order: int = 0
    is_contract: bool = False
    is_sample: bool = False
    price_id: int | None = None

    @property
    def key(self) -> Key:
        """Return what a later price of the same thing shares with this one."""
        if self.prefix:
            return (self.service, self.direction, "", "", self.prefix, "")
        return (self.service, self.direction, self.country, self.number_type, "", self.network)


@dataclass(frozen=True, slots=True)
class Usage:
    """One thing that was used: ``number`` is the far end going out and the account's own coming in, digits only.

    ``country`` may stay empty: the longest prefix of the number then says it. ``quantity`` is in seconds, segments or months.
    """

    service: str
    direction: str
    at: datetime
    quantity: int
    number: str = ""
    country: str = ""
    number_type: str = ""
    network: str = ""


def newest(rates: Iterable[Rate], *, at: datetime) -> dict[Key, Rate]:
    """Return the last price of every key that started by the instant, those taken back too."""
    found: dict[Key, Rate] = {}
    for rate in rates:
        known = found.get(rate.key)
        is_later = known is None or (rate.starts_at, rate.order) > (known.starts_at, known.order)
        if rate.starts_at <= at and is_later:
            found[rate.key] = rate
    return found


def in_force(rates: Iterable[Rate], *, at: datetime) -> dict[Key, Rate]:
    """Return the price of every key at the instant; a contract's goes before the list's."""
    rates = list(rates)
    listed = newest((rate for rate in rates if not rate.is_contract), at=at)
    agreed = newest((rate for rate in rates if rate.is_contract), at=at)
    both = listed | {key: rate for key, rate in agreed.items() if rate.rate is not None}
    return {key: rate for key, rate in both.items() if rate.rate is not None}


def match_prefix(prices: Mapping[Key, Rate], number: str) -> Rate | None:
    """Return the price with the longest prefix of the number."""
    for length in range(len(number), 0, -1):
        key = (Service.VOICE, Direction.OUTBOUND, "", "", number[:length], "")
        if found := prices.get(key):
            return found
    return None


def match(prices: Mapping[Key, Rate], usage: Usage) -> Rate | None:
    """Return the price of the usage among those in force, or None when there is none."""
    by_prefix = match_prefix(prices, usage.number)
    if is_by_prefix(usage.service, usage.direction, usage.number_type):
        return by_prefix
    country = usage.country or (by_prefix.country if by_prefix else "")
    number_type = "" if usage.service == Service.MESSAGE else usage.number_type
    base = (usage.service, usage.direction, country, number_type, "")
    network = usage.network if (usage.service, usage.direction) == ("message", "outbound") else ""
    return prices.get((*base, network)) or prices.get((*base, ""))


def is_by_prefix(service: str, direction: str, number_type: str) -> bool:
    """Say whether the longest prefix decides: it does for calls out to numbers."""
    return (service, direction) == (Service.VOICE, Direction.OUTBOUND) and number_type != NumberType.IP


def units_of(service: str, quantity: int) -> int:
    """Return what is billed: each started minute of a call, otherwise the quantity itself."""
    return -(-quantity // _SECONDS) if service == Service.VOICE else quantity


def amount_of(price: Rate, usage: Usage) -> Decimal:
    """Return what the usage costs, exact to the fifth place."""
    return (price.rate or Decimal(0)) * units_of(usage.service, usage.quantity)


def is_increase(before: Decimal | None, after: Decimal | None) -> bool:
    """Say whether a change needs notice: more than before, or no longer offered; what is new needs none."""
    return before is not None and (after is None or after > before)


def change_in_percent(before: Decimal, after: Decimal) -> Decimal | None:
    """Return by how much a rate changes, with one place; None when it was free."""
    return ((after - before) * 100 / before).quantize(Decimal("0.1")) if before else None
