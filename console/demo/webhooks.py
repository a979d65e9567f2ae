"""Give the demo's account webhooks: one that works, with its history, and one that was stopped."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from accounts.models import Account
from console.core import audit_log
from console.core.access import Actor
from console.core.events import EventKind
from console.core.models import AuditEvent
from console.demo.diary import note
from security.audit_areas import area_of
from security.models import WebhookDelivery, WebhookEndpoint
from security.webhook_signing import headers_of, make_secret, write_body

_AREAS = ["Account", "Audit log", "Auth Tokens and API", "IP Whitelisting", "Money", "Team"]
_ADDED, _STOPPED, _HISTORY = timedelta(days=60), timedelta(days=12), timedelta(days=30)


def add_endpoints(company: dict[str, Any], *, now: datetime) -> tuple[WebhookEndpoint, WebhookEndpoint]:
    """Add the endpoints, stop the second, and export the audit log once a week."""
    account, actor = company["account"], company["actor"]
    collector = _endpoint(actor, "siem.halyard.example/patchbay", "Log collector", _AREAS, at=now - _ADDED)
    chat = _endpoint(actor, "chat.halyard.example/hooks/ops", "Operations chat", [], at=now - _ADDED / 2)
    for weeks in range(4, -1, -1):
        at = now - timedelta(weeks=weeks, hours=5, milliseconds=weeks * 17)
        facts: dict[str, Any] = {"format": "csv", "filters": {}}
        note(EventKind.AUDIT_LOG_EXPORTED, actor=actor, target=account, at=at, **facts)
    _stop(chat, account, at=now - _STOPPED)
    return collector, chat


def push_events(
    company: dict[str, Any], collector: WebhookEndpoint, chat: WebhookEndpoint, *, now: datetime
) -> None:
    """Make up what was sent to them, once every event is written."""
    account = company["account"]
    chain = audit_log.chain_of(account)
    events = AuditEvent.objects.filter(chain=chain, at__gt=now - _HISTORY).order_by("at")
    wanted = [event for event in events if area_of(event.kind) in _AREAS]
    rows = [_delivery(collector, event, account, number, now) for number, event in enumerate(wanted)]
    rows.append(_gone(chat, account, event=events[0], at=now - _STOPPED))
    WebhookDelivery.objects.bulk_create(rows)
    collector.last_success_at = max((row.done_at for row in rows if row.done_at), default=None)
    collector.cursor = chat.cursor = audit_log.head_of(chain).length
    collector.save()
    chat.save()


def _endpoint(
    actor: Actor, place: str, description: str, areas: list[str], *, at: datetime
) -> WebhookEndpoint:
    endpoint = WebhookEndpoint(account=actor.account, public_id=uuid.uuid4(), made_by=actor.user, made_at=at)
    endpoint.url, endpoint.description, endpoint.areas = f"https://{place}", description, areas
    endpoint.put_secret(make_secret(), now=at)
    endpoint.save()
    facts: dict[str, Any] = {
        "host": endpoint.host,
        "description": description,
        "areas": areas or ["Everything"],
    }
    note(EventKind.WEBHOOK_ADDED, actor=actor, target=endpoint, at=at, **facts)
    return endpoint


def _stop(endpoint: WebhookEndpoint, account: Account, *, at: datetime) -> None:
    """Stop the endpoint, as an answer of 410 does."""
    endpoint.state, endpoint.stop_reason = WebhookEndpoint.State.STOPPED, "gone"
    endpoint.failing_since = at
    actor = Actor.system(account)
    facts: dict[str, Any] = {"host": endpoint.host, "reason": "gone", "failing_since": at}
    note(EventKind.WEBHOOK_STOPPED, actor=actor, target=endpoint, at=at, **facts)


def _gone(endpoint: WebhookEndpoint, account: Account, *, event: AuditEvent, at: datetime) -> WebhookDelivery:
    """Return the delivery that was answered 410."""
    row = _row(endpoint, event, account, at=at)
    row.tries, row.attempts = [_try(row, at=at, status=410)], 1
    row.failed_at, row.last_error = at, "gone"
    return row


def _row(endpoint: WebhookEndpoint, event: AuditEvent, account: Account, *, at: datetime) -> WebhookDelivery:
    body = write_body(event.kind, at=event.at, account=account.auth_id, data=audit_log.members_of(event))
    row = WebhookDelivery(endpoint=endpoint, event_id=event.public_id, kind=event.kind, body=body)
    row.made_at = row.due_at = at
    return row


def _delivery(
    endpoint: WebhookEndpoint, event: AuditEvent, account: Account, number: int, now: datetime
) -> WebhookDelivery:
    """Return a delivery that was taken: every third at the second try, one in five never."""
    row = _row(endpoint, event, account, at=event.at)
    waits = [timedelta(seconds=4)] + [timedelta(seconds=40)] * (number % 3 == 0)
    for step, wait in enumerate(waits):
        is_last = step == len(waits) - 1
        row.tries.append(_try(row, at=event.at + wait * (step + 1), status=204 if is_last else 503))
    row.attempts = len(waits)
    row.done_at = event.at + waits[-1] * len(waits)
    if number % 5 == 1 and event.at < now - timedelta(days=4):
        row.done_at, row.failed_at, row.last_error = None, event.at + timedelta(days=3), "status"
        row.tries = [_try(row, at=event.at + timedelta(hours=step * 8), status=502) for step in range(10)]
    return row


def _try(row: WebhookDelivery, *, at: datetime, status: int) -> dict[str, Any]:
    signed = headers_of(message_id=row.message_id, body=row.body, keys=[make_secret()], at=at)
    error = {204: "", 410: "gone"}.get(status, "status")
    return {
        "at": at.isoformat(),
        "status": status,
        "error": error,
        "milliseconds": 60 + at.microsecond % 90,
        "headers": signed,
    }
