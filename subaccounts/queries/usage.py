"""Read the log of calls and messages: a page, one record, everything in batches."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from console.core.access import Actor
from subaccounts.models import Subaccount, UsageEvent
from subaccounts.queries.scope import reachable

PAGE = 50
_BATCH = 2000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLACE = re.compile(r"([0-9]{1,16})-([0-9a-f]{32})")
MAIN = "main"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event stands in the log: its instant, then its id."""

    at: datetime
    event_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class UsageFilters:
    """Which events to show. ``subaccount`` is one of the account's, or MAIN for those of the main account."""

    kind: str = ""
    direction: str = ""
    from_number: str = ""
    to_number: str = ""
    country: str = ""
    status: str = ""
    subaccount: Subaccount | str | None = None
    since: datetime | None = None
    until: datetime | None = None
    words: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UsagePage:
    """Some events, newest first, and the cursors of the pages beside them."""

    events: list[UsageEvent]
    earlier: str = ""
    later: str = ""


def read_place(text: str) -> Place | None:
    """Return the place that an address names, or None."""
    found = _PLACE.fullmatch(text)
    return Place(_EPOCH + timedelta(microseconds=int(found[1])), uuid.UUID(found[2])) if found else None


def events_of(actor: Actor, filters: UsageFilters, *, now: datetime) -> QuerySet[UsageEvent]:
    """Return the events that the filters let through; what is older than kept is gone already."""
    oldest = now - timedelta(days=settings.CONSOLE_USAGE_DAYS)
    rows = reachable(UsageEvent, actor).filter(at__gte=max(filters.since or oldest, oldest))
    if filters.until:
        rows = rows.filter(at__lt=filters.until)
    for name in ("kind", "direction", "from_number", "to_number", "country", "status"):
        if value := getattr(filters, name):
            rows = rows.filter(**{name: value})
    if isinstance(filters.subaccount, Subaccount):
        return rows.filter(subaccount_id=filters.subaccount.pk)
    return rows.filter(subaccount_id=None) if filters.subaccount == MAIN else rows


def page_of(
    actor: Actor,
    filters: UsageFilters,
    *,
    now: datetime,
    before: Place | None = None,
    after: Place | None = None,
    size: int = PAGE,
) -> UsagePage:
    """Return the page before or after a place, else the newest one; one query."""
    rows = events_of(actor, filters, now=now).select_related("subaccount")
    if after is not None:
        found = list(_later_than(rows, after).order_by("at", "event_id")[: size + 1])
        events = found[:size][::-1]
        return UsagePage(events, _last(events), events[0].place if len(found) > size else "")
    if before is not None:
        rows = _earlier_than(rows, before)
    found = list(rows.order_by("-at", "-event_id")[: size + 1])
    events = found[:size]
    later = events[0].place if events and before is not None else ""
    return UsagePage(events, _last(events) if len(found) > size else "", later)


def _earlier_than(rows: QuerySet[UsageEvent], place: Place) -> QuerySet[UsageEvent]:
    # The first condition ends the range of the index, and leaves later months out.
    return rows.filter(at__lte=place.at).filter(Q(at__lt=place.at) | Q(event_id__lt=place.event_id))


def _later_than(rows: QuerySet[UsageEvent], place: Place) -> QuerySet[UsageEvent]:
    return rows.filter(at__gte=place.at).filter(Q(at__gt=place.at) | Q(event_id__gt=place.event_id))


def _last(events: list[UsageEvent]) -> str:
    return events[-1].place if events else ""


def find_event(actor: Actor, place: Place, *, now: datetime) -> UsageEvent | None:
    """Return one event by its key."""
    rows = events_of(actor, UsageFilters(), now=now).filter(at=place.at, event_id=place.event_id)
    return rows.select_related("subaccount", "subaccount__identity").first()


def iter_events(
    actor: Actor, filters: UsageFilters, *, now: datetime, size: int = _BATCH
) -> Iterator[list[UsageEvent]]:
    """Yield the events in batches, newest first, each one query from where the last ended; nothing is held between."""
    rows = events_of(actor, filters, now=now).select_related("subaccount").order_by("-at", "-event_id")
    batch = list(rows[:size])
    while batch:
        yield batch
        last = Place(batch[-1].at, batch[-1].event_id)
        batch = list(_earlier_than(rows, last)[:size]) if len(batch) == size else []
