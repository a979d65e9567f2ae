"""Look up prices: the one source of the pages, the CSV files and the HTTP API."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Abs

from accounts.models import Account
from billing import pricing
from billing.countries import Country, countries
from billing.models import Price, PriceList, PriceNotice
from billing.pricing import Rate

_FIELDS = (
    "service",
    "direction",
    "country",
    "rate",
    "starts_at",
    "number_type",
    "prefix",
    "network",
    "destination",
    "price_list_id",
    "account_id",
    "price_list__is_sample",
    "pk",
)
_BATCH = 2000
_VERSION = """
SELECT count(*), max(public_id::text), count(account_id) FROM billing_pricelist
WHERE effective_at <= %(now)s AND (account_id IS NULL OR account_id = %(account)s)
"""


@dataclass(frozen=True, slots=True)
class Version:
    """What changes whenever another price may count: how many lists do, one of them, and how many are contracts."""

    lists: int
    one: str | None
    contracts: int

    @property
    def has_contract(self) -> bool:
        """Say whether rates of the account's own count."""
        return self.contracts > 0


@dataclass(frozen=True, slots=True)
class Book:
    """Every price of a country that was ever published for an account, as seen at an instant."""

    country: Country
    at: datetime
    rates: tuple[Rate, ...]

    @property
    def prices(self) -> dict[pricing.Key, Rate]:
        """Return what counts for the account."""
        return pricing.in_force(self.rates, at=self.at)

    @property
    def listed(self) -> dict[pricing.Key, Rate]:
        """Return what would count without a contract."""
        return pricing.in_force((rate for rate in self.rates if not rate.is_contract), at=self.at)

    @property
    def is_sample(self) -> bool:
        """Say whether a price that counts comes from the project's own sample."""
        return any(rate.is_sample for rate in self.prices.values())

    def of(self, service: str, direction: str) -> list[Rate]:
        """Return what counts for a service in one direction, in the order of pages and files."""
        found = (
            rate for rate in self.prices.values() if (rate.service, rate.direction) == (service, direction)
        )
        return sorted(found, key=_place)


_ORDER = ("ip", "local", "national", "mobile", "tollfree", "")


def _place(rate: Rate) -> tuple[Any, ...]:
    return (rate.prefix != "", _ORDER.index(rate.number_type), rate.destination, rate.prefix, rate.network)


def book_of(account: Account | None, country: Country, *, at: datetime) -> Book:
    """Return the book of one country, with the contract rates of the account."""
    rows = _rows(account).filter(country=country.iso)
    return Book(country, at, tuple(_rate(row) for row in rows.values_list(*_FIELDS)))


def books_of(account: Account | None, *, at: datetime) -> Iterator[Book]:
    """Yield the book of every country, one after the other, never all of them in memory."""
    rows = _rows(account).order_by("country").values_list(*_FIELDS).iterator(chunk_size=_BATCH)
    for iso, found in groupby(rows, key=lambda row: row[2]):
        if country := countries().get(iso):
            yield Book(country, at, tuple(_rate(row) for row in found))


def price_of_number(account: Account, number: str, *, at: datetime) -> Rate | None:
    """Return what a call to the number costs a minute: the price with its longest prefix."""
    prefixes = [number[:length] for length in range(1, len(number) + 1)]
    rows = _rows(account).filter(prefix__in=prefixes).exclude(prefix="")
    rates = [_rate(row) for row in rows.values_list(*_FIELDS)]
    return pricing.match_prefix(pricing.in_force(rates, at=at), number)


def has_sample(*, at: datetime) -> bool:
    """Say whether the project's own sample is among the lists that count."""
    return PriceList.objects.filter(is_sample=True, effective_at__lte=at).exists()


def version_of(account: Account, *, at: datetime) -> Version:
    """Return what changes whenever another price may count for the account."""
    # Every call of the pricing API asks this; the ORM takes longer to build the query than it takes to run.
    with connection.cursor() as cursor:
        cursor.execute(_VERSION, {"now": at, "account": account.pk})
        return Version(*cursor.fetchone())


def lists_of(account: Account, country: Country, services: Iterable[str], *, limit: int) -> list[PriceList]:
    """Return the lists that changed a price of the services for the account, those to come first.

    ``impact`` is what the account's last month would have cost more, where the account was told.
    """
    changed = _rows(account).filter(country=country.iso, service__in=list(services)).values("price_list")
    # Notices are made by the default manager: this is a part of a query that names the account itself.
    told = PriceNotice.unscoped.filter(account=account, price_list=OuterRef("pk")).values("impact")[:1]
    lists = PriceList.objects.filter(pk__in=changed).annotate(impact=Subquery(told), size=Abs(Subquery(told)))
    return list(lists.order_by("-effective_at", "-pk")[:limit])


def _rows(account: Account | None) -> Any:
    scope = Q(account=None) | Q(account=account) if account else Q(account=None)
    return Price.objects.filter(scope)


def _rate(row: tuple[Any, ...]) -> Rate:
    order, account_id, is_sample, price_id = row[9:]
    known: dict[str, Any] = dict(zip(_FIELDS[:9], row, strict=False))
    is_contract = account_id is not None
    return Rate(**known, order=order, is_contract=is_contract, is_sample=is_sample, price_id=price_id)


def all_rates(account: Account | None) -> Iterable[Rate]:
    """Return every price that was ever published for everybody, or in contracts of the account."""
    scope = Q(account=account)
    return (_rate(row) for row in Price.objects.filter(scope).values_list(*_FIELDS).iterator(_BATCH))
