"""Read the audit log of one chain: a page, one event, or everything in batches."""

import ipaddress
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from console.core.addresses import Network
from console.core.events import SENTENCES, EventKind
from console.core.models import AuditChain, AuditEvent

PAGE = 50
_BATCH = 500
_NOBODY = {"system", "api"}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which events to show: who, what (kinds), when (from, and before), where (a network)."""

    user_id: int | None = None
    actor_kind: str = ""
    kinds: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    network: Network | None = None
    words: dict[str, str] = field(default_factory=dict)

    @property
    def are_set(self) -> bool:
        """Say whether anything is left out."""
        return bool(self.words)


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, newest first; ``earlier`` and ``later`` are the cursors of the pages beside it."""

    events: list[AuditEvent]
    earlier: int | None = None
    later: int | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: how many events it has, and the digest of the newest."""

    length: int
    digest: str


def chain_of(account: Any) -> str:
    """Return the name of the account's chain."""
    return f"account:{account.pk}"


def events_of(chain: str, filters: Filters) -> QuerySet[AuditEvent]:
    """Return the events of the chain that the filters let through."""
    rows = AuditEvent.objects.filter(chain=chain)
    if filters.user_id is not None:
        rows = rows.filter(user_id=filters.user_id)
    if filters.actor_kind:
        rows = rows.filter(actor_kind=filters.actor_kind)
    if filters.actor_kind in _NOBODY:
        rows = rows.filter(user_id=None)
    if filters.kinds:
        rows = rows.filter(kind__in=filters.kinds)
    if filters.since:
        rows = rows.filter(at__gte=filters.since)
    if filters.until:
        rows = rows.filter(at__lt=filters.until)
    if filters.network:
        rows = rows.filter(ip__gte=str(filters.network[0]), ip__lte=str(filters.network[-1]))
    return rows


def page_of(
    chain: str, filters: Filters, *, before: int | None = None, after: int | None = None, size: int = PAGE
) -> Page:
    """Return the page before or after a place in the chain, else the newest one; one query."""
    rows = events_of(chain, filters)
    if after is not None:
        found = list(rows.filter(seq__gt=after).order_by("seq")[: size + 1])
        events = found[:size][::-1]
        return Page(events, _last(events), events[0].seq if len(found) > size else None)
    if before is not None:
        rows = rows.filter(seq__lt=before)
    found = list(rows.order_by("-seq")[: size + 1])
    events = found[:size]
    later = events[0].seq if events and before is not None else None
    return Page(events, _last(events) if len(found) > size else None, later)


def _last(events: list[AuditEvent]) -> int | None:
    return events[-1].seq if events else None


def iter_events(
    chain: str, filters: Filters, *, before: int, size: int = _BATCH
) -> Iterator[list[AuditEvent]]:
    """Yield the events before a place in the chain in batches, each one query; nothing is held between them."""
    while True:
        batch = list(events_of(chain, filters).filter(seq__lt=before).order_by("-seq")[:size])
        if batch:
            yield batch
        if len(batch) < size:
            return
        before = batch[-1].seq


def find_event(chain: str, public_id: uuid.UUID) -> AuditEvent | None:
    """Return one event of the chain."""
    return AuditEvent.objects.filter(chain=chain, public_id=public_id).first()


def members_of(event: AuditEvent) -> dict[str, Any]:
    """Return everything the event says, as JSON files and webhooks give it; its digest can be computed again."""
    names = ("kind", "actor_kind", "actor_label", "target_type", "target_id", "target_label", "data", "ip")
    values = {name: getattr(event, name) for name in (*names, "user_agent", "request_id", "seq")}
    digests = {"previous": bytes(event.previous).hex(), "digest": bytes(event.digest).hex()}
    about = {"id": str(event.public_id), "at": event.at.isoformat(), "sentence": sentence_of(event.kind)}
    return about | values | digests


def sentence_of(kind: str) -> str:
    """Return what happened in words; a kind that is gone names itself."""
    return SENTENCES[EventKind(kind)] if kind in set(EventKind) else kind


def head_of(chain: str) -> Head:
    """Return the end of the chain."""
    row = AuditChain.objects.filter(name=chain).first()
    return Head(row.length, bytes(row.head).hex()) if row else Head(0, "")


def read_network(text: str) -> Network | None:
    """Read an address or a range such as 198.51.100.0/24; host bits are dropped, garbage gives None."""
    if "%" in text:
        return None
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None
    return _unwrapped(network)


def _unwrapped(network: Network) -> Network:
    """Return the IPv4 range inside an IPv4-mapped IPv6 one: addresses are kept that way."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < 96:  # noqa: PLR2004 - the bits before the IPv4 part
        return network
    return ipaddress.ip_network((mapped, network.prefixlen - 96))
