"""Send what is queued to one endpoint at a time, learn from its answers, and stop one that takes nothing."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.outbound import Outbound
from console.core.outbound_rules import OutboundError
from security.models import WebhookDelivery, WebhookEndpoint
from security.webhook_signing import headers_of

State = WebhookEndpoint.State
_FIRST_WAIT, _GROWTH, _LONGEST_WAIT = 30, 4, 21 * 3600
_BATCH, _BATCH_SECONDS = 50, 15.0
_HOLD_SECONDS = 60
_REST_SECONDS = 30
_TRIES_KEPT = 30
_GONE = 410  # RFC 9110 15.5.11: wants nothing more, for good
_SWEPT_AT_ONCE = 5000
_log = logging.getLogger("console.webhooks")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt: a status, or the word for what went wrong before there was one."""

    status: int | None
    error: str
    milliseconds: int
    signed: dict[str, str]

    @property
    def is_good(self) -> bool:
        """Say whether the endpoint took the message."""
        return not self.error


def wait_after(attempts: int, *, jitter: float) -> timedelta:
    """Return how long to wait after so many failed attempts: half a minute, four times longer each time, at most
    21 hours; ten attempts take three days. ``jitter`` is 1 or a little more and keeps retries apart.
    """
    return timedelta(seconds=min(_FIRST_WAIT * _GROWTH ** (attempts - 1), _LONGEST_WAIT) * jitter)


# --- One endpoint ----------------------------------------------------------------------------


def push(
    endpoint_id: int,
    *,
    client: Outbound,
    jitter: float,
    clock: Callable[[], datetime] = timezone.now,
    seconds: float = _BATCH_SECONDS,
) -> int:
    """Send what is due to one endpoint, one after the other, and return how many messages it took.

    One worker holds the endpoint, for a bounded batch. The first failure ends the batch and lets the endpoint
    rest, so that a slow or dead one costs others little.
    """
    until = clock() + timedelta(seconds=_HOLD_SECONDS)
    endpoint = WebhookEndpoint.hold(endpoint_id, now=clock(), until=until)
    if endpoint is None:
        return 0
    try:
        return _push_batch(endpoint, client=client, jitter=jitter, clock=clock, seconds=seconds)
    finally:
        WebhookEndpoint.let_go(endpoint_id, until=until)


def _push_batch(
    endpoint: WebhookEndpoint,
    *,
    client: Outbound,
    jitter: float,
    clock: Callable[[], datetime],
    seconds: float,
) -> int:
    taken, ends_at = 0, time.monotonic() + seconds
    while taken < _BATCH and time.monotonic() < ends_at:
        due = WebhookDelivery.next_due(endpoint, now=clock())
        delivery = due and WebhookDelivery.lease(due.pk, now=clock(), seconds=_HOLD_SECONDS)
        if not delivery:
            break
        outcome = _attempt(delivery, endpoint, client=client, now=clock())
        _settle(delivery, outcome, now=clock(), jitter=jitter)
        if not outcome.is_good:
            break
        taken += 1
    return taken


def _attempt(
    delivery: WebhookDelivery, endpoint: WebhookEndpoint, *, client: Outbound, now: datetime
) -> Outcome:
    signed = headers_of(
        message_id=delivery.message_id, body=delivery.body, keys=endpoint.secrets(now), at=now
    )
    headers = {"Content-Type": "application/json"} | signed
    started = time.monotonic()
    try:
        answer = client.send("POST", endpoint.url, headers=headers, body=delivery.body.encode())
    except OutboundError as error:
        return Outcome(None, error.code, round((time.monotonic() - started) * 1000), signed)
    return Outcome(answer.status, _fault_of(answer.status), answer.milliseconds, signed)


def _fault_of(status: int) -> str:
    if status == _GONE:
        return "gone"
    return {2: "", 3: "redirect"}.get(status // 100, "status")


@transaction.atomic
def _settle(delivery: WebhookDelivery, outcome: Outcome, *, now: datetime, jitter: float) -> None:
    """Write down what became of the attempt, for the delivery and for the endpoint."""
    endpoint = _lock(delivery.endpoint_id)
    row = WebhookDelivery.objects.select_for_update().filter(pk=delivery.pk).first()
    if endpoint is None or row is None:  # removed meanwhile
        return
    row.tries = [*row.tries, _try_of(outcome, now=now)][-_TRIES_KEPT:]
    row.leased_until, row.last_error = None, outcome.error
    if outcome.is_good:
        row.done_at, row.last_error = now, ""
        _note_success(endpoint, now=now)
    else:
        if outcome.error == "gone" or row.attempts >= settings.CONSOLE_WEBHOOK_TRIES:
            row.failed_at = now
        row.due_at = now + wait_after(max(row.attempts, 1), jitter=jitter)
        _note_failure(endpoint, outcome, now=now)
    row.save()


def _lock(pk: int) -> WebhookEndpoint | None:
    rows = WebhookEndpoint.unscoped.select_for_update(of=("self",)).select_related("account")
    return rows.filter(pk=pk).first()


def _try_of(outcome: Outcome, *, now: datetime) -> dict[str, Any]:
    return {
        "at": now.isoformat(),
        "status": outcome.status,
        "error": outcome.error,
        "milliseconds": outcome.milliseconds,
        "headers": outcome.signed,
    }


def _note_success(endpoint: WebhookEndpoint, *, now: datetime) -> None:
    endpoint.last_success_at = now
    endpoint.failing_since = endpoint.warned_at = endpoint.rests_until = None
    endpoint.save(update_fields=["last_success_at", "failing_since", "warned_at", "rests_until"])


def _note_failure(endpoint: WebhookEndpoint, outcome: Outcome, *, now: datetime) -> None:
    facts = {"endpoint": str(endpoint.public_id), "reason": outcome.error, "status": outcome.status}
    _log.info("webhook failed", extra=facts)
    endpoint.failing_since = endpoint.failing_since or now
    endpoint.rests_until = now + timedelta(seconds=_REST_SECONDS)
    endpoint.save(update_fields=["failing_since", "rests_until"])
    if outcome.error == "gone" and endpoint.state == State.ENABLED:
        _stop(endpoint, reason="gone")


def _stop(endpoint: WebhookEndpoint, *, reason: str) -> None:
    endpoint.state, endpoint.stop_reason = State.STOPPED, reason
    endpoint.save(update_fields=["state", "stop_reason"])
    facts: dict[str, Any] = {"host": endpoint.host, "reason": reason, "failing_since": endpoint.failing_since}
    record(EventKind.WEBHOOK_STOPPED, actor=Actor.system(endpoint.account), target=endpoint, **facts)


# --- All endpoints ---------------------------------------------------------------------------


def watch_failing(*, now: datetime, limit: int = 500) -> int:
    """Warn about endpoints that took nothing for a day, and stop those that took nothing for three."""
    warn_before = now - timedelta(hours=settings.CONSOLE_WEBHOOK_WARN_HOURS)
    stop_before = now - timedelta(hours=settings.CONSOLE_WEBHOOK_STOP_HOURS)
    due = Q(failing_since__lte=warn_before, warned_at=None) | Q(failing_since__lte=stop_before)
    rows = WebhookEndpoint.unscoped.filter(due, state=State.ENABLED).order_by("failing_since")
    keys = list(rows.values_list("pk", flat=True)[:limit])
    return sum(_watch(pk, now=now, warn_before=warn_before, stop_before=stop_before) for pk in keys)


@transaction.atomic
def _watch(pk: int, *, now: datetime, warn_before: datetime, stop_before: datetime) -> bool:
    endpoint = _lock(pk)
    if endpoint is None or endpoint.state != State.ENABLED or endpoint.failing_since is None:
        return False
    if endpoint.failing_since <= stop_before:
        _stop(endpoint, reason="failing")
    elif endpoint.failing_since <= warn_before and endpoint.warned_at is None:
        endpoint.warned_at = now
        endpoint.save(update_fields=["warned_at"])
        facts: dict[str, Any] = {"host": endpoint.host, "failing_since": endpoint.failing_since}
        record(EventKind.WEBHOOK_FAILING, actor=Actor.system(endpoint.account), target=endpoint, **facts)
    return True


def sweep_old(*, now: datetime) -> int:
    """Delete deliveries that are older than the history, in pages, and secrets that sign no more."""
    ended = WebhookEndpoint.unscoped.filter(previous_ends_at__lte=now)
    ended.update(sealed_previous=None, previous_ends_at=None)
    oldest, swept = now - timedelta(days=settings.CONSOLE_WEBHOOK_DAYS), 0
    while keys := _old_keys(oldest):
        swept += WebhookDelivery.objects.filter(pk__in=keys).delete()[0]
    return swept


def _old_keys(oldest: datetime) -> list[int]:
    rows = WebhookDelivery.objects.filter(made_at__lt=oldest).order_by("made_at")
    return list(rows.values_list("pk", flat=True)[:_SWEPT_AT_ONCE])
