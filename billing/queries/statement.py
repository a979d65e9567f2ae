"""Read the statement of a month: what it began with, what came in and went out, and every entry."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet, Sum

from accounts.models import Account
from billing.models import LedgerCheck, LedgerDay, LedgerEntry
from billing.queries.money import ZERO
from subaccounts.models import Subaccount

PAGE = 50
_BATCH = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAIN = "main"
_SPENDING = {LedgerEntry.Kind.USAGE, LedgerEntry.Kind.RENTAL}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands in the statement: its instant, then its number."""

    at: datetime
    entry_id: int

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // timedelta(microseconds=1)}-{self.entry_id}"


@dataclass(frozen=True, slots=True)
class StatementFilters:
    """Which entries to show, from the first day to the last. ``subaccount`` is one of the account's, or MAIN."""

    first: date
    last: date
    kind: str = ""
    subaccount: Subaccount | str | None = None
    words: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the page with what its entries come to, those on other pages too."""

    day: date
    amount: Decimal
    entries: list[LedgerEntry]


@dataclass(frozen=True, slots=True)
class Statement:
    """A page of a statement; amounts are in US dollars, ``closing`` is what was left after the last day."""

    opening: Decimal
    came_in: Decimal
    went_out: Decimal
    total: int
    found: int
    days: list[Day]
    earlier: str = ""
    later: str = ""

    @property
    def spent(self) -> Decimal:
        """Return what went out, without its sign."""
        return -self.went_out

    @property
    def closing(self) -> Decimal:
        """Return what the period left."""
        return self.opening + self.came_in + self.went_out


def days_of(account: Account, filters: StatementFilters | None, *, today: date) -> list[LedgerDay]:
    """Return the sums of the days that the page tells about: those asked for, and this month's."""
    wanted = Q(day__range=(today.replace(day=1), today))
    if filters:
        wanted |= Q(day__range=(filters.first, filters.last))
    return list(LedgerDay.objects.of(account).filter(wanted).order_by("day"))


def spent_in(rows: Iterable[LedgerDay], *, first: date, last: date) -> Decimal:
    """Return what usage and rent of the days came to, in US dollars."""
    spent = (row.amount for row in rows if first <= row.day <= last and row.kind in _SPENDING)
    return -sum(spent, ZERO)


def statement_of(
    account: Account,
    filters: StatementFilters,
    sums: Iterable[LedgerDay],
    *,
    before: Place | None = None,
    after: Place | None = None,
) -> Statement:
    """Return a page of the statement, newest first; the sums are those of the whole period."""
    past = balance_on(account, filters.first - timedelta(days=1))
    rows = [row for row in sums if filters.first <= row.day <= filters.last]
    entries, earlier, later = _page(entries_in(account, filters), before, after)
    wanted = [row for row in rows if _is_wanted(row, filters)]
    return Statement(
        opening=past,
        came_in=sum((row.amount for row in rows if row.amount > 0), ZERO),
        went_out=sum((row.amount for row in rows if row.amount < 0), ZERO),
        total=sum(row.entries for row in rows),
        found=sum(row.entries for row in wanted),
        days=_by_day(entries, wanted, ZoneInfo(account.time_zone)),
        earlier=earlier,
        later=later,
    )


def entries_in(account: Account, filters: StatementFilters) -> QuerySet[LedgerEntry]:
    """Return the entries that the filters let through, newest first."""
    zone = ZoneInfo(account.time_zone)
    since = datetime.combine(filters.first, time.min, zone)
    until = datetime.combine(filters.last + timedelta(days=1), time.min, zone)
    rows = LedgerEntry.objects.of(account).filter(at__gte=since, at__lt=until)
    if filters.kind:
        rows = rows.filter(kind=filters.kind)
    if filters.subaccount == MAIN:
        rows = rows.filter(subaccount=None)
    elif filters.subaccount:
        rows = rows.filter(subaccount=filters.subaccount)
    return rows.select_related("subaccount").order_by("-at", "-id")


def iter_statement(account: Account, filters: StatementFilters) -> Iterator[list[LedgerEntry]]:
    """Yield the entries in batches, newest first, each one query; nothing is held between them."""
    place: Place | None = None
    while True:
        batch = list(_before(entries_in(account, filters), place)[:_BATCH])
        if batch:
            yield batch
        if len(batch) < _BATCH:
            return
        place = _place(batch[-1])


def balance_on(account: Account, day: date) -> Decimal:
    """Return what the account had when the day was over, in US dollars."""
    rows = LedgerDay.objects.of(account).filter(day__lte=day)
    return rows.aggregate(amount=Sum("amount"))["amount"] or ZERO


def newest_check() -> LedgerCheck | None:
    """Return the newest proof that every balance is the sum of its ledger."""
    return LedgerCheck.objects.order_by("-at").first()


def _page(rows: QuerySet[LedgerEntry], before: Place | None, after: Place | None) -> Any:
    if after is not None:
        later = rows.filter(Q(at__gt=after.at) | Q(at=after.at, id__gt=after.entry_id))
        found = list(later.order_by("at", "id")[: PAGE + 1])
        entries = found[:PAGE][::-1]
        return entries, _cursor(entries, -1), _cursor(entries, 0) if len(found) > PAGE else ""
    found = list(_before(rows, before)[: PAGE + 1])
    entries = found[:PAGE]
    return entries, _cursor(entries, -1) if len(found) > PAGE else "", _cursor(entries, 0) if before else ""


def _before(rows: QuerySet[LedgerEntry], place: Place | None) -> QuerySet[LedgerEntry]:
    # The bound on the time alone lets the index begin at the right place.
    if place is None:
        return rows
    return rows.filter(at__lte=place.at).exclude(at=place.at, id__gte=place.entry_id)


def _place(entry: LedgerEntry) -> Place:
    return Place(entry.at, entry.pk)


def _cursor(entries: list[LedgerEntry], index: int) -> str:
    return str(_place(entries[index])) if entries else ""


def _is_wanted(row: LedgerDay, filters: StatementFilters) -> bool:
    if filters.kind and row.kind != filters.kind:
        return False
    if filters.subaccount == MAIN:
        return row.subaccount_id is None
    return not filters.subaccount or row.subaccount_id == filters.subaccount.pk  # type: ignore[union-attr]


def _by_day(entries: list[LedgerEntry], rows: list[LedgerDay], zone: ZoneInfo) -> list[Day]:
    sums: dict[date, Decimal] = {}
    for row in rows:
        sums[row.day] = sums.get(row.day, ZERO) + row.amount
    found: dict[date, list[LedgerEntry]] = {}
    for entry in entries:
        found.setdefault(entry.at.astimezone(zone).date(), []).append(entry)
    return [Day(day, sums.get(day, ZERO), group) for day, group in found.items()]
