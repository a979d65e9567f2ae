"""Put usage into words and pictures: for the list, the detail page, the file and the charts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from console.core.exports import csv_lines
from subaccounts.models import UsageEvent, UsageKind, UsageStatus
from subaccounts.queries.countries import country_name
from subaccounts.queries.usage_sums import Total, Usage
from subaccounts.usage_charts import draw_days, draw_shares

HEADER = (
    "Time (UTC)", "Kind", "Direction", "From", "To", "Country", "Units", "Unit", "Rate (USD)", "Cost (USD)",
    "Subaccount", "Subaccount Auth ID", "Status", "IP", "Event id",
)  # fmt: skip
_UNKNOWN = "Unknown"
_LEVELS = {
    UsageStatus.FAILED: "danger",
    UsageStatus.UNDELIVERED: "danger",
    UsageStatus.BUSY: "warn",
    UsageStatus.NO_ANSWER: "warn",
    UsageStatus.CANCELED: "",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One call or message in words."""

    event: UsageEvent
    country: str
    level: str
    icon: str


def row_of(event: UsageEvent) -> Row:
    """Return the event in words."""
    return Row(
        event=event,
        country=country_name(event.country) if event.country else _UNKNOWN,
        level=_LEVELS.get(UsageStatus(event.status), "good") if event.status in set(UsageStatus) else "",
        icon="voice" if event.kind == UsageKind.CALL else "message",
    )


def csv_file(batches: Iterable[list[UsageEvent]]) -> Iterator[bytes]:
    """Yield the events as CSV, piece by piece."""
    return csv_lines(HEADER, ([_cells(event) for event in batch] for batch in batches))


def _cells(event: UsageEvent) -> list[object]:
    part = event.subaccount
    about: list[object] = [event.at.isoformat(), event.kind, event.direction]
    ends: list[object] = [event.from_number, event.to_number, event.country]
    sums: list[object] = [event.units, event.unit.partition(",")[0], event.rate, event.cost]
    names = [part.name, part.auth_id] if part else ["", ""]
    return [*about, *ends, *sums, *names, event.status, event.ip or "", str(event.event_id)]


def charts_of(found: Usage, *, names: Mapping[int, str], today: date) -> dict[str, Any]:
    """Return what a page shows of the sums: figures, the chart by day, shares by country and by subaccount."""
    countries = {iso: country_name(iso) if iso else _UNKNOWN for iso in found.countries}
    parts: dict[int | None, str] = {None: "Main account"}
    parts.update(names.items())
    return {
        "usage": found,
        "chart": draw_days(found.days, first=found.first, last=found.last, today=today),
        "countries": draw_shares(found.countries, names=countries, nothing=Total(), rest="Other countries"),
        "parts": draw_shares(found.subaccounts, names=parts, nothing=Total(), rest="Other subaccounts"),
    }
