"""Write the demo's events in the order in which they happened: a log is read by its places, not by its times."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from console.core.events import EventKind, record

_held: ContextVar[list[tuple[datetime, EventKind, dict[str, Any]]] | None] = ContextVar("held", default=None)


@contextmanager
def in_order() -> Iterator[None]:
    """Hold back what is noted inside, and record all of it at the end, the oldest first."""
    entries: list[tuple[datetime, EventKind, dict[str, Any]]] = []
    before = _held.set(entries)
    try:
        yield
    finally:
        _held.reset(before)
    for at, kind, facts in sorted(entries, key=lambda entry: entry[0]):
        record(kind, at=at, **facts)


def note(kind: EventKind, *, at: datetime, **facts: Any) -> None:
    """Record an event that happened at the time; inside ``in_order`` it waits for those before it."""
    held = _held.get()
    if held is None:
        record(kind, at=at, **facts)
    else:
        held.append((at, kind, facts))
