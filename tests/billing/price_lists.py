"""Publish prices in tests, a few lines at a time."""

from datetime import UTC, datetime
from decimal import Decimal

from billing.models import Price, PriceList
from console.core.exports import csv_text

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
GERMANY = (
    ("voice", "DE", "outbound", "ip", "", "", "", "0.00300"),
    ("voice", "DE", "outbound", "local", "49", "", "Landline", "0.00980"),
    ("voice", "DE", "outbound", "mobile", "4915", "", "Mobile", "0.02460"),
    ("voice", "DE", "outbound", "mobile", "491512", "", "Mobile, Telekom", "0.02140"),
    ("voice", "DE", "outbound", "tollfree", "49800", "", "Toll-free", "0.00400"),
    ("voice", "DE", "inbound", "ip", "", "", "", "0.00300"),
    ("voice", "DE", "inbound", "local", "", "", "", "0.00450"),
    ("message", "DE", "outbound", "", "", "", "", "0.08900"),
    ("message", "DE", "outbound", "", "", "Telekom", "", "0.08420"),
    ("message", "DE", "inbound", "", "", "", "", "0.00000"),
    ("number", "DE", "rental", "local", "", "", "", "1.20000"),
    ("number", "DE", "rental", "tollfree", "", "", "", "8.00000"),
)
_COLUMNS = (
    "service",
    "country_iso",
    "direction",
    "number_type",
    "prefix",
    "network_group",
    "destination",
    "rate_usd",
)


def publish(lines=GERMANY, *, at=LONG_AGO, account=None, is_sample=False) -> PriceList:
    """Publish lines as they stand in a file; an empty rate takes back."""
    published = PriceList.objects.create(
        account=account, name="Prices", effective_at=at, published_at=LONG_AGO, is_sample=is_sample
    )
    for service, country, direction, number_type, prefix, network, destination, rate in lines:
        Price.objects.create(
            price_list=published,
            starts_at=at,
            service=service,
            country=country,
            direction=direction,
            number_type=number_type,
            prefix=prefix,
            network=network,
            destination=destination,
            rate=Decimal(rate) if rate else None,
        )
    return published


def price_file(*lines: tuple[str, ...]) -> str:
    """Return lines as a file that can be imported."""
    return csv_text([_COLUMNS, *lines])
