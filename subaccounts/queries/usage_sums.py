"""Read the sums of usage by day: for charts, the overview, and what a subaccount spent."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Sum

from accounts.models import Account
from console.core.access import Actor
from subaccounts.models import Subaccount, UsageDay, UsageKind
from subaccounts.usage_charts import DayChart, draw_days

_RECENT_DAYS = 14


@dataclass(frozen=True, slots=True)
class Total:
    """How many events, units and dollars."""

    events: int = 0
    units: int = 0
    cost: Decimal = Decimal(0)

    def __add__(self, other: "Total") -> "Total":
        """Return both together."""
        return Total(self.events + other.events, self.units + other.units, self.cost + other.cost)


@dataclass(frozen=True, slots=True)
class Usage:
    """Sums of some days: in all by kind, by day and kind, by country, by subaccount (None is the main account)."""

    first: date
    last: date
    calls: Total = Total()
    messages: Total = Total()
    days: dict[date, dict[str, Total]] = field(default_factory=dict)
    countries: dict[str, dict[str, Total]] = field(default_factory=dict)
    subaccounts: dict[int | None, dict[str, Total]] = field(default_factory=dict)

    @property
    def total(self) -> Total:
        """Return calls and messages together."""
        return self.calls + self.messages


# One pass over the sums of the days gives every cut. GROUPING() tells by which the row is summed, since a country
# and a subaccount may be empty by themselves.
_CUTS = """
SELECT GROUPING(day, country, subaccount_id), kind, day, country, subaccount_id,
  sum(events)::bigint, sum(units)::bigint, sum(cost)
FROM subaccounts_usageday
WHERE account_id = %s AND day BETWEEN %s AND %s {more}
GROUP BY GROUPING SETS ((kind, day), (kind, country), (kind, subaccount_id))
"""
_BY_DAY, _BY_COUNTRY, _BY_SUBACCOUNT = 0b011, 0b101, 0b110


def usage_of(
    actor: Actor,
    *,
    first: date,
    last: date,
    kind: str = "",
    direction: str = "",
    subaccount_id: int | None = None,
    is_main_only: bool = False,
) -> Usage:
    """Return what the account, or the part that the actor reaches, used on the days; one query."""
    only = actor.subaccount_id if actor.subaccount_id is not None else subaccount_id
    chosen: dict[str, Any] = {"kind": kind or None, "direction": direction or None, "subaccount_id": only}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    more = "".join(f"AND {name} = %s " for name in chosen)
    more += "AND subaccount_id IS NULL " * is_main_only
    with connection.cursor() as cursor:
        cursor.execute(_CUTS.format(more=more), [actor.account.pk, first, last, *chosen.values()])
        return _gathered(cursor.fetchall(), Usage(first, last))


def _gathered(rows: Iterable[tuple[Any, ...]], usage: Usage) -> Usage:
    cuts: dict[int, dict[Any, dict[str, Total]]] = {
        _BY_DAY: usage.days,
        _BY_COUNTRY: usage.countries,
        _BY_SUBACCOUNT: usage.subaccounts,
    }
    kinds: dict[str, Total] = defaultdict(Total)
    for cut, kind, day, country, subaccount_id, *sums in rows:
        key = {_BY_DAY: day, _BY_COUNTRY: country, _BY_SUBACCOUNT: subaccount_id}[cut]
        cuts[cut].setdefault(key, {})[kind] = Total(*sums)
        if cut == _BY_DAY:
            kinds[kind] += Total(*sums)
    calls, messages = kinds[UsageKind.CALL], kinds[UsageKind.MESSAGE]
    parts = (usage.days, usage.countries, usage.subaccounts)
    return Usage(usage.first, usage.last, calls, messages, *parts)


def recent_usage(actor: Actor, *, today: date) -> tuple[Usage, DayChart | None]:
    """Return what was used lately and its chart, None when nothing was; one query."""
    found = usage_of(actor, first=today - timedelta(days=_RECENT_DAYS - 1), last=today)
    return found, draw_days(found.days, first=found.first, last=found.last, today=today)


def usage_of_subaccount(subaccount: Subaccount, *, first: date, last: date) -> dict[str, Total]:
    """Return what a subaccount used on the days, by kind; days are those of the account's time zone."""
    rows = UsageDay.objects.of(subaccount.account).filter(subaccount=subaccount, day__range=(first, last))
    sums = rows.values("kind").annotate(Sum("events"), Sum("units"), Sum("cost")).order_by()
    found = {row["kind"]: Total(row["events__sum"], row["units__sum"], row["cost__sum"]) for row in sums}
    return {str(kind): found.get(kind, Total()) for kind in UsageKind}


def spent_by_subaccounts(account: Account, *, first: date, last: date) -> dict[int | None, Decimal]:
    """Return what each subaccount spent on the days, in one query; None is the main account."""
    rows = UsageDay.objects.of(account).filter(day__range=(first, last))
    return dict(rows.values_list("subaccount_id").annotate(Sum("cost")).order_by())


def names_of(actor: Actor, ids: Iterable[int | None]) -> dict[int, str]:
    """Return the names of subaccounts, deleted ones included."""
    rows = Subaccount.objects.of(actor.account).filter(pk__in=[key for key in ids if key is not None])
    return dict(rows.values_list("pk", "name"))


def month_of(day: date) -> tuple[date, date]:
    """Return the first and the last day of the day's month."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
