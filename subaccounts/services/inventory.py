"""Load numbers into the inventory: staff look at a file first, then load it or throw it away."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import connection, transaction

from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from subaccounts.models import InventoryNumber, InventoryUpload
from subaccounts.services.inventory_lines import Line, read_lines

_BATCH, _SHOWN, _SAMPLES = 1000, 100, 10
_FIELDS = (
    ("number", "text"),
    ("country_iso", "text"),
    ("number_type", "text"),
    ("city", "text"),
    ("region", "text"),
    ("carrier", "text"),
    ("has_voice", "boolean"),
    ("has_sms", "boolean"),
    ("has_mms", "boolean"),
    ("monthly_amount", "numeric"),
    ("setup_amount", "numeric"),
    ("voice_rate", "numeric"),
    ("sms_rate", "numeric"),
    ("mms_rate", "numeric"),
    ("is_sample", "boolean"),
)


class AlreadyDecided(DomainError):
    """The upload was loaded or thrown away before."""

    code = "upload_decided"


@dataclass(slots=True)
class Report:
    """What a file holds: how many lines are new, change a free number, or are refused, with the first of each."""

    new: int = 0
    changed: int = 0
    refused: int = 0
    refusals: list[Line] = field(default_factory=list)
    samples: list[InventoryNumber] = field(default_factory=list)

    @property
    def good(self) -> int:
        """Return how many lines can be loaded."""
        return self.new + self.changed

    def add(self, lines: Iterable[Line]) -> list[InventoryNumber]:
        """Count a batch, and return what can be loaded; of a number that stands twice the last line counts."""
        lines = list(lines)
        known = _known([line.number.number for line in lines if line.number])
        fit: dict[str, InventoryNumber] = {}
        for line in lines:
            if line.number is None or known.get(line.number.number) == "rented":
                self._refuse(line)
            else:
                fit[line.number.number] = line.number
        changed = sum(number in known for number in fit)
        self.changed += changed
        self.new += len(fit) - changed
        self.samples += list(fit.values())[: _SAMPLES - len(self.samples)]
        return list(fit.values())

    def _refuse(self, line: Line) -> None:
        self.refused += 1
        if len(self.refusals) < _SHOWN:
            reason = line.reason or "is rented; rented numbers stay as they are"
            self.refusals.append(Line(line.place, reason=reason))


def _known(numbers: list[str]) -> dict[str, str]:
    rows = InventoryNumber.objects.filter(number__in=numbers).values_list("number", "free_at")
    return {number: "free" if free_at else "rented" for number, free_at in rows}


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while batch := list(islice(lines, _BATCH)):
        yield batch


def look_at(source: Iterable[str], *, is_sample: bool) -> Report:
    """Say what loading the file would do.

    :raises FileRefused: if its header has other columns
    """
    report = Report()
    for batch in _batches(read_lines(source, is_sample=is_sample)):
        report.add(batch)
    return report


def _load(source: Iterable[str], *, is_sample: bool, now: datetime) -> Report:
    report = Report()
    for batch in _batches(read_lines(source, is_sample=is_sample)):
        _store(report.add(batch), now=now)
    return report


def _store(rows: list[InventoryNumber], *, now: datetime) -> None:
    """Insert what is new and change what is free, in one statement."""
    names = [name for name, _ in _FIELDS]
    columns = [[getattr(row, name) for row in rows] for name in names]
    with connection.cursor() as cursor:
        cursor.execute(_statement(), [now, now, *columns])


def _statement() -> str:
    names = ", ".join(name for name, _ in _FIELDS)
    arrays = ", ".join(f"%s::{kind}[]" for _, kind in _FIELDS)
    changes = ", ".join(f"{name} = excluded.{name}" for name, _ in _FIELDS)
    return f"""
INSERT INTO subaccounts_inventorynumber AS known ({names}, free_at, loaded_at)
SELECT given.*, %s, %s FROM unnest({arrays}) AS given
ON CONFLICT (number) DO UPDATE SET {changes}, loaded_at = excluded.loaded_at
WHERE known.free_at IS NOT NULL
"""  # noqa: S608  # nosec B608 - names are written in the code


# --- Files -----------------------------------------------------------------------------------


@transaction.atomic
def upload_inventory(
    *, actor: Actor, name: str, text: str, is_sample: bool, reason: str, now: datetime
) -> InventoryUpload:
    """Keep a file so that it can be looked at before it is loaded.

    :raises FileRefused: if its header has other columns
    """
    actor.require_staff()
    report = look_at(io.StringIO(text), is_sample=is_sample)
    upload = InventoryUpload.objects.create(
        name=name,
        text=text,
        is_sample=is_sample,
        reason=reason,
        good=report.good,
        refused=report.refused,
        made_by=actor.user,
        made_at=now,
    )
    facts: dict[str, Any] = {"good": report.good, "refused": report.refused, "reason": reason}
    record(EventKind.INVENTORY_UPLOADED, actor=actor, target=upload, at=now, **facts)
    return upload


@transaction.atomic
def load_upload(*, actor: Actor, upload: InventoryUpload, now: datetime) -> Report:
    """Load the good lines of a file; what is refused is left out.

    :raises AlreadyDecided: if that was done, or the file thrown away
    """
    actor.require_staff()
    row = _lock(upload)
    report = _load(io.StringIO(row.text), is_sample=row.is_sample, now=now)
    _decide(row, InventoryUpload.State.LOADED, actor, now=now)
    facts: dict[str, Any] = {"new": report.new, "changed": report.changed, "refused": report.refused}
    record(EventKind.INVENTORY_LOADED, actor=actor, target=row, at=now, reason=row.reason, **facts)
    return report


@transaction.atomic
def discard_upload(*, actor: Actor, upload: InventoryUpload, now: datetime) -> None:
    """Throw a file away.

    :raises AlreadyDecided: if it was loaded, or thrown away before
    """
    actor.require_staff()
    row = _lock(upload)
    _decide(row, InventoryUpload.State.DISCARDED, actor, now=now)
    record(EventKind.INVENTORY_DISCARDED, actor=actor, target=row, at=now)


def _lock(upload: InventoryUpload) -> InventoryUpload:
    row = InventoryUpload.objects.select_for_update().get(pk=upload.pk)
    if row.state != InventoryUpload.State.WAITING:
        raise AlreadyDecided("This file was decided already.")
    return row


def _decide(row: InventoryUpload, state: str, actor: Actor, *, now: datetime) -> None:
    row.state, row.text = state, ""
    row.decided_by, row.decided_at = actor.user, now
    row.save(update_fields=["state", "text", "decided_by", "decided_at"])


def load_file(*, source: Iterable[str], name: str, is_sample: bool, now: datetime) -> Report:
    """Load a file of any size from the command line, a thousand lines a transaction; a second run changes nothing."""
    report = _load(source, is_sample=is_sample, now=now)
    with transaction.atomic():
        facts: dict[str, Any] = {"new": report.new, "changed": report.changed, "refused": report.refused}
        record(EventKind.INVENTORY_LOADED, actor=Actor.system(), at=now, reason=name, **facts)
    return report
