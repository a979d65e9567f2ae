"""Put audit events into words: for the list, the detail page and the files."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.dateformat import format as date_format
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware, localtime

from accounts.queries.devices import device_name
from console.core.addresses import parse_address
from console.core.audit_log import members_of, sentence_of
from console.core.exports import csv_lines
from console.core.geo import place_of
from console.core.models import AuditEvent

HEADER = (
    "Time (UTC)", "Event", "What", "By", "By kind", "Object", "Object type", "Object id", "Before", "After",
    "Details", "IP", "Place", "Device", "User agent", "Request", "Event id", "Place in chain", "Digest",
)  # fmt: skip
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_ICONS = {
    "account": "building",
    "credential": "key",
    "named-token": "key",
    "token-end": "key",
    "token-lifetime": "key",
    "api-call": "refused",
    "allowlist": "globe",
    "allowlist-entry": "globe",
    "trial-credit": "billing",
    "plan": "billing",
    "audit-log": "log",
    "webhook": "external",
    "webhook-delivery": "external",
    "scim-token": "key",
    "scim-user": "team",
    "scim-group": "team",
    "member": "team",
    "invitation": "team",
    "roster": "team",
    "access-review": "team",
    "role": "team",
    "ownership": "team",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One event in words."""

    event: AuditEvent
    who: str
    sentence: str
    icon: str
    place: str
    device: str

    @property
    def target(self) -> str:
        """Name what was acted on, unless it is the account itself or the person who acted."""
        event = self.event
        is_said = event.target_type == "accounts.account" or event.target_label == event.actor_label
        return "" if is_said else event.target_label


def row_of(event: AuditEvent) -> Row:
    """Return the event in words."""
    return Row(
        event=event,
        who=who_of(event),
        sentence=sentence_of(event.kind),
        icon=_ICONS.get(event.kind.partition(":")[0], "shield"),
        place=place_name(event),
        device=device_name(event.user_agent) if event.user_agent else "",
    )


def who_of(event: AuditEvent) -> str:
    """Name who acted."""
    name = settings.SITE_NAME
    if event.actor_kind == "staff":
        return f"{event.actor_label or name} (staff of {name})"
    others = {"api": "An API caller", "scim": "The directory"}
    return event.actor_label or others.get(event.actor_kind, name)


def place_name(event: AuditEvent) -> str:
    """Say where the address is, or nothing when that is unknown."""
    place = place_of(parse_address(event.ip or ""))
    return str(place) if place.country else ""


def changes_of(event: AuditEvent) -> list[tuple[str, str, str]]:
    """Return each changed field with its value before and after."""
    before, after = event.data.get("before"), event.data.get("after")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return []
    names = dict.fromkeys([*before, *after])
    return [(field_name(name), shown(before.get(name)), shown(after.get(name))) for name in names]


def details_of(event: AuditEvent) -> list[tuple[str, str]]:
    """Return what else is known about the event."""
    hidden = {"before", "after"} if changes_of(event) else set()
    return [(field_name(name), shown(value)) for name, value in event.data.items() if name not in hidden]


def field_name(name: str) -> str:
    """Return a field's name as words."""
    words = "addresses" if name == "cidrs" else name.replace("_", " ")
    return words[:1].upper() + words[1:]


def shown(value: Any) -> str:
    """Return a value as text."""
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ", ".join(value)
    return _readable(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _readable(text: str) -> str:
    """Return a moment as the page writes it, and any other text as it is."""
    moment = parse_datetime(text) if _MOMENT.match(text) else None
    return date_format(localtime(moment), "D j M Y, H:i:s T") if moment and is_aware(moment) else text


def csv_file(batches: Iterable[list[AuditEvent]]) -> Iterator[bytes]:
    """Yield the events as CSV, piece by piece."""
    return csv_lines(HEADER, ([_cells(event) for event in batch] for batch in batches))


def _cells(event: AuditEvent) -> list[object]:
    row, data = row_of(event), dict(event.data)
    before, after = data.pop("before", None), data.pop("after", None)
    parts = [_json(part) if part else "" for part in (before, after, data)]
    about = [event.at.isoformat(), event.kind, row.sentence, row.who, event.actor_kind]
    target = [event.target_label, event.target_type, event.target_id]
    source = [event.ip or "", row.place, row.device, event.user_agent, event.request_id]
    return [*about, *target, *parts, *source, str(event.public_id), event.seq, bytes(event.digest).hex()]


def json_file(batches: Iterable[list[AuditEvent]], *, account: str) -> Iterator[bytes]:
    """Yield the events as one JSON object, piece by piece; digests can be computed again from it."""
    yield f'{{"account": {_json(account)}, "events": ['.encode()
    comma = ""
    for batch in batches:
        yield (comma + ",\n".join(_json(members_of(event)) for event in batch)).encode()
        comma = ",\n"
    yield b"]}\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
