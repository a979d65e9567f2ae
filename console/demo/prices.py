"""Give the first company contract rates, and announce new prices to everybody."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from billing import services
from billing.countries import countries
from billing.models import Price, PriceList
from billing.pricing import Rate
from billing.queries import book_of
from billing.services.price_file import COLUMNS
from console.core.access import Actor
from console.core.exports import csv_text

_FIVE = Decimal("0.00001")
_CONTRACT = ("DE", "NL", "GB", "US")
_ANNOUNCED = ("DE", "FR", "IN")
_CONTRACT_PART = Decimal("0.87")
_DAYS_AHEAD = 38


def agree_contract(company: dict[str, Any], *, now: datetime) -> None:
    """Agree lower rates for calls to mobiles with the company, as they count for 80 days."""
    mobiles = [rate for iso in _CONTRACT for rate in _mobiles(iso, now)]
    if not mobiles:
        return
    starts_at = now - timedelta(days=80)
    contract = PriceList.objects.create(
        account=company["account"], name="Contract rates", effective_at=starts_at, published_at=starts_at
    )
    Price.objects.bulk_create(
        Price(
            price_list=contract,
            starts_at=starts_at,
            country=rate.country,
            service=rate.service,
            direction=rate.direction,
            number_type=rate.number_type,
            prefix=rate.prefix,
            destination=rate.destination,
            rate=((rate.rate or 0) * _CONTRACT_PART).quantize(_FIVE),
        )
        for rate in mobiles
    )


def announce_prices(*, now: datetime) -> None:
    """Publish changes of some countries that count in the month after next: mobiles dearer, landlines cheaper."""
    lines = [_line(rate) for iso in _ANNOUNCED for rate in _calls(iso, now)]
    if not lines:
        return
    actor, day = Actor(kind="staff"), (now + timedelta(days=_DAYS_AHEAD)).date()
    loaded = services.load_prices(
        actor=actor,
        account=None,
        name=f"Prices of {day:%B %Y}",
        effective_on=day,
        file_name="prices.csv",
        text=csv_text([COLUMNS, *lines]),
        now=now,
    )
    services.publish_prices(actor=actor, public_id=loaded.public_id, now=now)


def _calls(iso: str, now: datetime) -> list[Rate]:
    book = book_of(None, countries()[iso], at=now)
    return [rate for rate in book.of("voice", "outbound") if rate.prefix]


def _mobiles(iso: str, now: datetime) -> list[Rate]:
    return [rate for rate in _calls(iso, now) if rate.number_type == "mobile"]


def _line(rate: Rate) -> tuple[str, ...]:
    times = Decimal("1.079") if rate.number_type == "mobile" else Decimal("0.956")
    new = ((rate.rate or 0) * times).quantize(_FIVE)
    return (
        rate.service,
        rate.country,
        rate.direction,
        rate.number_type,
        rate.prefix,
        "",
        rate.destination,
        f"{new}",
    )
