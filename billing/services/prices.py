"""Load price lists, compare them with what counts, and publish them: for everybody or as a contract of one account."""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from accounts.models import Account
from billing import pricing
from billing.models import Price, PriceImport, PriceList
from billing.pricing import Rate
from billing.queries.price_impact import Impact, largest_impacts
from billing.queries.prices import all_rates
from billing.services.price_file import LineRefused, PriceLine, read_prices
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record

_ONE_AT_A_TIME = 0x70726963
_BATCH = 2000


class PricesRefused(DomainError):
    """The file cannot be published; ``lines`` says which of its lines are the reason."""

    code = "prices_refused"

    def __init__(self, message: str, lines: Iterable[LineRefused] = ()) -> None:
        super().__init__(message)
        self.lines = tuple(lines)


@dataclass(frozen=True, slots=True)
class Change:
    """What a line changes: the rate that would count without it, and the one that counts with it."""

    line: PriceLine
    before: Decimal | None
    after: Decimal | None

    @property
    def is_increase(self) -> bool:
        """Say whether the change needs notice."""
        return pricing.is_increase(self.before, self.after)

    @property
    def percent(self) -> Decimal | None:
        """Return the change in percent, where there is one to state."""
        if self.before is None or self.after is None:
            return None
        return pricing.change_in_percent(self.before, self.after)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every change of a file, and how many lines change nothing."""

    changes: tuple[Change, ...]
    same: int

    @property
    def increases(self) -> int:
        """Count the changes that need notice."""
        return sum(change.is_increase for change in self.changes)

    @property
    def countries(self) -> list[str]:
        """Return the codes of the countries where something changes."""
        return sorted({change.line.country for change in self.changes})


@transaction.atomic
def load_prices(
    *,
    actor: Actor,
    account: Account | None,
    name: str,
    effective_on: date,
    file_name: str,
    text: str,
    now: datetime,
) -> PriceImport:
    """Keep a file of prices until somebody publishes it.

    :raises PricesRefused: if a line cannot be published
    """
    actor.require_staff()
    lines = check_prices(text)
    loaded = PriceImport.objects.create(
        account=account,
        name=name,
        effective_on=effective_on,
        file_name=file_name[:120],
        text=text,
        lines=len(lines),
        loaded_at=now,
    )
    record(EventKind.PRICES_LOADED, actor=actor, target=loaded, account=account, at=now, lines=len(lines))
    return loaded


def check_prices(text: str) -> list[PriceLine]:
    """Return the lines of a file.

    :raises PricesRefused: if one of them cannot be published
    """
    lines, refused = read_prices(text)
    refused += _strays(lines)
    if refused:
        raise PricesRefused("The file has lines that cannot be published.", refused)
    return lines


def _strays(lines: list[PriceLine]) -> list[LineRefused]:
    """Refuse prefixes that another country has: the prefix alone says where a call goes."""
    prefixes = {line.prefix: line for line in lines if line.prefix}
    known = Price.objects.filter(prefix__in=prefixes).exclude(prefix="").values_list("prefix", "country")
    return [
        LineRefused(prefixes[prefix].number, f"prefix {prefix} belongs to {country}")
        for prefix, country in known.distinct()
        if prefixes[prefix].country != country
    ]


def compare(loaded: PriceImport) -> Comparison:
    """Return what publishing the file would change on its date."""
    lines = read_prices(loaded.text)[0]
    return compare_lines(lines, account=loaded.account, at=starts_at(loaded.effective_on))


def compare_lines(lines: Iterable[PriceLine], *, account: Account | None, at: datetime) -> Comparison:
    """Return what the lines would change at the instant."""
    rates = list(all_rates(None)) + (list(all_rates(account)) if account else [])
    fresh = [_as_rate(line, at, is_contract=account is not None) for line in lines]
    before = pricing.in_force(rates, at=at)
    after = pricing.in_force([*rates, *fresh], at=at)
    pairs = [
        (line, _counts(before, rate), _counts(after, rate)) for line, rate in zip(lines, fresh, strict=True)
    ]
    changes = tuple(Change(*pair) for pair in pairs if pair[1] != pair[2])
    return Comparison(changes, len(pairs) - len(changes))


_LAST = 2**62


def _as_rate(line: PriceLine, at: datetime, *, is_contract: bool) -> Rate:
    return Rate(
        service=line.service,
        direction=line.direction,
        country=line.country,
        rate=line.rate,
        starts_at=at,
        number_type=line.number_type,
        prefix=line.prefix,
        network=line.network,
        destination=line.destination,
        order=_LAST,
        is_contract=is_contract,
    )


def _counts(prices: Mapping[pricing.Key, Rate], rate: Rate) -> Decimal | None:
    """Return what is charged for the thing: its own rate, or that of the shorter prefix or of any network."""
    if rate.prefix:
        found = pricing.match_prefix(prices, rate.prefix)
    else:
        found = prices.get(rate.key) or prices.get((*rate.key[:5], ""))
    return found.rate if found else None


def starts_at(day: date) -> datetime:
    """Return the instant from which a list of the day counts: midnight, UTC."""
    return datetime.combine(day, clock.min, tzinfo=UTC)


@transaction.atomic
def publish_prices(*, actor: Actor, public_id: uuid.UUID, now: datetime) -> PriceList:
    """Publish a loaded file, once; a second call returns the same list.

    :raises PricesRefused: if it comes too late for its date, or a line cannot be published any more
    """
    actor.require_staff()
    _lock()
    loaded = PriceImport.objects.select_for_update(of=("self",)).get(public_id=public_id)
    if loaded.price_list is not None:
        return loaded.price_list
    lines = check_prices(loaded.text)
    check_date(
        compare_lines(lines, account=loaded.account, at=starts_at(loaded.effective_on)), loaded, now=now
    )
    published = _publish(
        lines, name=loaded.name, at=starts_at(loaded.effective_on), account=loaded.account, now=now
    )
    loaded.price_list = published
    loaded.save(update_fields=["price_list"])
    facts = {"effective_at": published.effective_at, "lines": len(lines)}
    record(EventKind.PRICES_PUBLISHED, actor=actor, target=published, account=loaded.account, at=now, **facts)
    return published


def check_date(found: Comparison, loaded: PriceImport, *, now: datetime) -> None:
    """Judge the date of a list: increases are announced in time, and nothing counts from the past.

    :raises PricesRefused: with the first date that would do
    """
    if loaded.account is None and not has_prices():
        return
    soonest = now + timedelta(days=settings.CONSOLE_PRICE_NOTICE_DAYS if found.increases else 0)
    if starts_at(loaded.effective_on) < soonest:
        first = (soonest + timedelta(days=1)).date()
        why = (
            f"{found.increases} rates go up or end" if found.increases else "prices never count from the past"
        )
        raise PricesRefused(f"Count from {first} or later: {why}.")


def preview_impact(loaded: PriceImport, *, now: datetime) -> tuple[list[Impact], int, Decimal]:
    """Return what the file would have changed in last months: the largest, how many accounts, and the sum."""
    with transaction.atomic():
        lines, at = read_prices(loaded.text)[0], starts_at(loaded.effective_on)
        published = _publish(lines, name=loaded.name, at=at, account=loaded.account, now=now)
        found = largest_impacts(published, now=now)
        transaction.set_rollback(True)
    return found


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])


def _publish(
    lines: Iterable[PriceLine],
    *,
    name: str,
    at: datetime,
    account: Account | None,
    now: datetime,
    is_sample: bool = False,
) -> PriceList:
    published = PriceList.objects.create(
        account=account, name=name, effective_at=at, published_at=now, is_sample=is_sample
    )
    rows = (_row(published, line) for line in lines)
    Price.objects.bulk_create(rows, batch_size=_BATCH)
    return published


def _row(published: PriceList, line: PriceLine) -> Price:
    return Price(
        price_list=published,
        starts_at=published.effective_at,
        country=line.country,
        service=line.service,
        direction=line.direction,
        number_type=line.number_type,
        prefix=line.prefix,
        network=line.network,
        destination=line.destination,
        rate=line.rate,
    )


def has_prices() -> bool:
    """Say whether a price list for everybody is there."""
    return PriceList.objects.filter(account=None).exists()


@transaction.atomic
def load_sample(*, text: str, at: datetime, now: datetime) -> PriceList | None:
    """Publish the sample, marked as such, where no price list is; None when there is one."""
    _lock()
    if has_prices():
        return None
    lines = check_prices(text)
    published = _publish(lines, name="Sample price list", at=at, account=None, now=now, is_sample=True)
    counts: dict[str, Any] = dict(Counter(line.service for line in lines))
    record(EventKind.PRICES_PUBLISHED, actor=Actor.system(), target=published, at=now, **counts)
    return published
