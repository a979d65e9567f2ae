"""Look up an account's webhooks, and the history of one."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Account
from console.core.audit_log import sentence_of
from console.core.models import AuditEvent
from security.models import WebhookDelivery, WebhookEndpoint

PAGE = 25
_TEST = "webhook:test"
_FAULTS = {
    "gone": "410: the server wants nothing more",
    "redirect": "a redirect, which is not followed",
    "timeout": "no answer within 5 seconds",
    "connection": "the server could not be reached",
    "tls": "the certificate is not valid for the name",
    "name": "the host name has no address",
    "address": "the name leads inside a network, so nothing was sent",
    "status": "not a 2xx status",
}


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """An endpoint in words."""

    endpoint: WebhookEndpoint
    level: str
    health: str


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt in words."""

    at: datetime
    status: int | None
    fault: str
    milliseconds: int
    headers: dict[str, str]

    @property
    def timestamp(self) -> str:
        """Return the time that was signed."""
        return self.headers.get("webhook-timestamp", "")

    @property
    def signature(self) -> str:
        """Return the signatures that were sent."""
        return self.headers.get("webhook-signature", "")


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery in words."""

    delivery: WebhookDelivery
    sentence: str
    level: str
    label: str
    tries: tuple[Try, ...]

    @property
    def is_under_way(self) -> bool:
        """Say whether the next attempt is due now, or runs."""
        row = self.delivery
        is_waiting = row.state == WebhookDelivery.State.WAITING
        return is_waiting and (not row.attempts or row.leased_until is not None)

    @property
    def body(self) -> str:
        """Return what is sent, with line breaks for reading."""
        return json.dumps(json.loads(self.delivery.body), ensure_ascii=False, indent=2)

    @property
    def last(self) -> Try | None:
        """Return the newest attempt."""
        return self.tries[-1] if self.tries else None


@dataclass(frozen=True, slots=True)
class Page:
    """Some deliveries, newest first; ``earlier`` and ``later`` are the cursors of the pages beside it."""

    rows: list[DeliveryRow]
    earlier: int | None = None
    later: int | None = None


def find_endpoint(account: Account, public_id: UUID) -> WebhookEndpoint | None:
    """Return one endpoint of the account."""
    rows = WebhookEndpoint.objects.of(account).select_related("made_by")
    return rows.filter(public_id=public_id).first()


def endpoint_of_event(event: AuditEvent) -> WebhookEndpoint | None:
    """Return the endpoint that the event is about, unless it was removed meanwhile."""
    return WebhookEndpoint.unscoped.filter(pk=event.target_id, account_id=event.account_id or 0).first()


def endpoint_rows(account: Account) -> list[EndpointRow]:
    """Return the account's endpoints with their health, oldest first."""
    return [row_of(endpoint) for endpoint in WebhookEndpoint.objects.of(account).order_by("made_at", "id")]


def row_of(endpoint: WebhookEndpoint) -> EndpointRow:
    """Say how the endpoint stands."""
    if endpoint.state == WebhookEndpoint.State.PAUSED:
        return EndpointRow(endpoint, "", "Paused")
    if endpoint.state == WebhookEndpoint.State.STOPPED:
        return EndpointRow(endpoint, "danger", "Stopped")
    if endpoint.is_failing:
        return EndpointRow(endpoint, "warn", "Failing")
    if endpoint.last_success_at:
        return EndpointRow(endpoint, "good", "Works")
    return EndpointRow(endpoint, "info", "Nothing sent yet")


def find_delivery(endpoint: WebhookEndpoint, public_id: UUID) -> DeliveryRow | None:
    """Return one delivery to the endpoint."""
    found = WebhookDelivery.objects.filter(endpoint=endpoint, public_id=public_id).first()
    return _delivery_row(found) if found else None


def page_of(
    endpoint: WebhookEndpoint,
    *,
    state: str = "",
    kind: str = "",
    before: int | None = None,
    after: int | None = None,
    size: int = PAGE,
) -> Page:
    """Return the page before or after a place in the history, else the newest one; one query."""
    rows = _matching(endpoint, state, kind).defer("body")
    if after is not None:
        found = list(rows.filter(pk__gt=after).order_by("pk")[: size + 1])
        shown = found[:size][::-1]
        later = shown[0].pk if len(found) > size else None
        return Page([_delivery_row(row) for row in shown], shown[-1].pk if shown else None, later)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: size + 1])
    shown = found[:size]
    later = shown[0].pk if shown and before is not None else None
    earlier = shown[-1].pk if len(found) > size else None
    return Page([_delivery_row(row) for row in shown], earlier, later)


def _matching(endpoint: WebhookEndpoint, state: str, kind: str) -> QuerySet[WebhookDelivery]:
    states = WebhookDelivery.State
    wanted: dict[str, Any] = {"kind": kind} if kind else {}
    rows = WebhookDelivery.objects.filter(endpoint=endpoint, **wanted)
    if state == states.WAITING:
        return rows.filter(WebhookDelivery.waiting())
    if state == states.DELIVERED:
        return rows.exclude(done_at=None)
    return rows.exclude(failed_at=None) if state == states.FAILED else rows


def _delivery_row(row: WebhookDelivery) -> DeliveryRow:
    states = WebhookDelivery.State
    levels: dict[str, str] = {states.DELIVERED: "good", states.FAILED: "danger"}
    level = levels.get(row.state, "info")
    label = states(row.state).label
    if row.state == states.WAITING and row.tries:
        level, label = "warn", "Tried again later"
    sentence = "test event" if row.kind == _TEST else sentence_of(row.kind)
    return DeliveryRow(row, sentence, level, label, tuple(map(_try, row.tries)))


def _try(facts: dict[str, Any]) -> Try:
    fault = _FAULTS.get(facts["error"], facts["error"])
    at = datetime.fromisoformat(facts["at"])
    return Try(at, facts["status"], fault, facts["milliseconds"], facts["headers"])


def count_live(account: Account) -> int:
    """Return how many endpoints events are pushed to."""
    return WebhookEndpoint.objects.of(account).filter(state=WebhookEndpoint.State.ENABLED).count()
