"""Put an account's events into the queues of its webhooks: as they happen, as a test, or once more."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from console.core import audit_log
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record, send_tasks
from console.core.models import AuditEvent
from console.core.permissions import Permission
from console.core.ratelimit import Limit, spend
from security.audit_areas import area_of
from security.models import WebhookDelivery, WebhookEndpoint
from security.services.webhooks import NoSuchWebhook
from security.webhook_signing import write_body

State = WebhookEndpoint.State
REPLAY_AT_MOST = 1000
TEST_KIND = "webhook:test"
PUSH = "security.push_webhook"
# Events about deliveries are never delivered, or a failing endpoint would feed itself.
_SILENT = "webhook-delivery:"
_BATCH = 200
_HOLD_FOR = timedelta(days=3)
_TESTS = Limit("webhook-test", 20, 3600)
_REPLAYS = Limit("webhook-replay", 60, 3600)
_BEHIND = """
SELECT endpoint.id FROM security_webhookendpoint AS endpoint
JOIN core_auditchain AS chain ON chain.name = 'account:' || endpoint.account_id
WHERE endpoint.state = 'enabled' AND chain.length > endpoint.cursor
ORDER BY endpoint.id LIMIT %s
"""
_DUE = """
SELECT endpoint.id FROM security_webhookendpoint AS endpoint
WHERE endpoint.state = 'enabled'
  AND (endpoint.busy_until IS NULL OR endpoint.busy_until < %(now)s)
  AND (endpoint.rests_until IS NULL OR endpoint.rests_until <= %(now)s)
  AND EXISTS (
    SELECT FROM security_webhookdelivery AS delivery
    WHERE delivery.endpoint_id = endpoint.id AND delivery.done_at IS NULL AND delivery.failed_at IS NULL
      AND delivery.due_at <= %(now)s
  )
ORDER BY endpoint.id LIMIT %(limit)s
"""


class NoSuchDelivery(DomainError):
    """The endpoint has no such delivery."""

    code = "not_found"


class NotOn(DomainError):
    """The endpoint is paused or stopped, so nothing would leave."""

    code = "webhook_not_on"


# --- Events as they happen -------------------------------------------------------------------


def take_events(*, now: datetime, limit: int = 500) -> int:
    """Queue what happened since each endpoint was last looked at, and return how many deliveries that made.

    Each chain numbers its events in the order in which they are committed, so a place in it loses nothing.
    """
    return sum(_take(pk, now=now) for pk in _ids(_BEHIND, [limit]))


def _ids(statement: str, values: Any) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [pk for (pk,) in cursor.fetchall()]


@transaction.atomic
def _take(pk: int, *, now: datetime) -> int:
    locked = WebhookEndpoint.unscoped.select_for_update(skip_locked=True, of=("self",))
    endpoint = locked.select_related("account").filter(pk=pk, state=State.ENABLED).first()
    if endpoint is None:
        return 0
    chain = audit_log.chain_of(endpoint.account)
    # The end is read first: what is committed in between is found by the second query, or next time.
    end = audit_log.head_of(chain).length
    rows = AuditEvent.objects.filter(chain=chain, seq__gt=endpoint.cursor, at__gt=now - _HOLD_FOR)
    events = list(rows.order_by("seq")[:_BATCH])
    last = events[-1].seq if events else 0
    endpoint.cursor = last if len(events) == _BATCH else max(end, last)
    endpoint.save(update_fields=["cursor"])
    wanted = [event for event in events if _is_wanted(endpoint, event.kind)]
    queued = [_delivery(endpoint, event, now=now) for event in wanted]
    return len(WebhookDelivery.objects.bulk_create(queued, ignore_conflicts=True))


def _is_wanted(endpoint: WebhookEndpoint, kind: str) -> bool:
    return not kind.startswith(_SILENT) and (not endpoint.areas or area_of(kind) in endpoint.areas)


def _delivery(endpoint: WebhookEndpoint, event: AuditEvent, *, now: datetime) -> WebhookDelivery:
    facts = audit_log.members_of(event)
    body = write_body(event.kind, at=event.at, account=endpoint.account.auth_id, data=facts)
    return WebhookDelivery(
        endpoint=endpoint, event_id=event.public_id, kind=event.kind, body=body, due_at=now, made_at=now
    )


def due_endpoints(*, now: datetime, limit: int = 500) -> list[int]:
    """Return the endpoints to which something is due and that no worker holds."""
    return _ids(_DUE, {"now": now, "limit": limit})


def publish(endpoints: Iterable[int]) -> None:
    """Hand endpoints to the workers."""
    send_tasks((PUSH, {"endpoint_id": pk}) for pk in endpoints)


# --- Once more, on demand --------------------------------------------------------------------


def send_test(*, actor: Actor, public_id: UUID, now: datetime) -> WebhookDelivery:
    """Queue an event that happened nowhere, to see whether the endpoint takes it.

    :raises NotOn: if the endpoint is paused or stopped
    """
    actor.require(Permission.SECURITY_MANAGE)
    endpoint = _endpoint(actor, public_id)
    spend(_TESTS, str(actor.account.pk), now=now)
    with transaction.atomic():
        delivery = WebhookDelivery(endpoint=endpoint, kind=TEST_KIND, due_at=now, made_at=now)
        facts = {
            "id": str(uuid.uuid4()),
            "kind": TEST_KIND,
            "sentence": "sent a test event",
            "at": now.isoformat(),
        }
        facts |= {"actor_label": actor.user.audit_label}
        delivery.body = write_body(TEST_KIND, at=now, account=actor.account.auth_id, data=facts)
        delivery.save(force_insert=True)
        record(EventKind.WEBHOOK_TESTED, actor=actor, target=endpoint, host=endpoint.host)
        _wake(endpoint)
    return delivery


def _endpoint(actor: Actor, public_id: UUID) -> WebhookEndpoint:
    endpoint = WebhookEndpoint.objects.of(actor.account).filter(public_id=public_id).first()
    if endpoint is None:
        raise NoSuchWebhook("There is no such webhook.")
    if endpoint.state != State.ENABLED:
        raise NotOn("The webhook is not on, so nothing is sent. Turn it on first.")
    return endpoint


def replay_one(*, actor: Actor, public_id: UUID, delivery: UUID, now: datetime) -> WebhookDelivery:
    """Queue one delivery again, whatever became of it; its id stays the same.

    :raises NotOn: if the endpoint is paused or stopped
    """
    actor.require(Permission.SECURITY_MANAGE)
    endpoint = _endpoint(actor, public_id)
    spend(_REPLAYS, str(actor.account.pk), now=now)
    with transaction.atomic():
        rows = WebhookDelivery.objects.filter(endpoint=endpoint, public_id=delivery)
        found = rows.select_for_update().first()
        if found is None:
            raise NoSuchDelivery("There is no such delivery.")
        if found.state != WebhookDelivery.State.WAITING:
            rows.update(**_fresh(now))
            _note_replay(actor, endpoint, count=1)
    return found


def replay_failed(*, actor: Actor, public_id: UUID, since: datetime, now: datetime) -> int:
    """Queue again what was given up since an instant, oldest first, and return how many that were.

    :raises NotOn: if the endpoint is paused or stopped
    """
    actor.require(Permission.SECURITY_MANAGE)
    endpoint = _endpoint(actor, public_id)
    spend(_REPLAYS, str(actor.account.pk), now=now)
    with transaction.atomic():
        failed = WebhookDelivery.objects.filter(endpoint=endpoint, made_at__gte=since).exclude(failed_at=None)
        keys = list(failed.order_by("id").values_list("pk", flat=True)[:REPLAY_AT_MOST])
        # A second click finds them waiting already.
        count = failed.filter(pk__in=keys).update(**_fresh(now))
        if count:
            _note_replay(actor, endpoint, count=count, since=since)
    return count


def _fresh(now: datetime) -> dict[str, Any]:
    return {"due_at": now, "attempts": 0, "done_at": None, "failed_at": None, "leased_until": None}


def _note_replay(actor: Actor, endpoint: WebhookEndpoint, **facts: Any) -> None:
    record(EventKind.WEBHOOK_REPLAYED, actor=actor, target=endpoint, host=endpoint.host, **facts)
    _wake(endpoint)


def _wake(endpoint: WebhookEndpoint) -> None:
    """Send at once what a person asked for, also to an endpoint that rests after a failure."""
    WebhookEndpoint.unscoped.filter(pk=endpoint.pk).update(rests_until=None)
    transaction.on_commit(lambda: publish([endpoint.pk]), robust=True)
