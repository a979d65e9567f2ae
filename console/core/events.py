"""Record what happened, once and for good, and let the rest of the console react to it."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import wraps
from typing import Any

from celery import Task, current_app, shared_task
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone
from kombu.exceptions import OperationalError

from console.core.access import Actor
from console.core.event_kinds import SENTENCES, EventKind
from console.core.models import AuditEvent, Delivery

Handler = Callable[[AuditEvent], None]
__all__ = [
    "SENTENCES",
    "EventKind",
    "publish",
    "record",
    "run_delivery",
    "send_tasks",
    "subscriber",
    "subscribers_of",
]

_log = logging.getLogger("console.events")


_subscribers: dict[EventKind, list[str]] = defaultdict(list)


def record(
    kind: EventKind,
    *,
    actor: Actor,
    target: Model | None = None,
    account: Model | None = None,
    at: datetime | None = None,
    **data: Any,
) -> AuditEvent:
    """Append an audit event and queue its deliveries in the caller's transaction.

    ``at`` is now unless said otherwise. ``data`` holds ids and before/after values, never a secret. The event joins the chain of ``account``,
    else of the actor's account, else of the staff, else of the actor's user, else of the system.

    :raises RuntimeError: outside a transaction
    """
    if not connection.in_atomic_block:
        raise RuntimeError("record() needs an open transaction.")
    event = AuditEvent.append(kind, actor=actor, target=target, account=account, data=data, at=at)
    deliveries = Delivery.objects.bulk_create(
        Delivery(event=event, task=name, due_at=timezone.now()) for name in _subscribers[kind]
    )
    transaction.on_commit(lambda: publish(deliveries), robust=True)
    return event


def publish(deliveries: Iterable[Delivery]) -> None:
    """Hand deliveries to the workers; beat calls this again for overdue ones."""
    send_tasks((delivery.task, {"delivery_id": delivery.pk}) for delivery in deliveries)


def send_tasks(calls: Iterable[tuple[str, dict[str, int]]]) -> bool:
    """Send task messages; False when the broker is away, and the rows wait in PostgreSQL."""
    try:
        for name, arguments in calls:
            current_app.send_task(name, kwargs=arguments, retry=False)
    except (OperationalError, OSError) as error:
        _log.warning("broker is away, work waits in the database", extra={"reason": type(error).__name__})
        return False
    return True


def subscribers_of(kind: EventKind) -> list[str]:
    """Return the names of the tasks that react to the kind."""
    return list(_subscribers[kind])


def subscriber(*kinds: EventKind) -> Callable[[Handler], Task]:
    """Turn ``function(event)`` into a task that succeeds once per event.

    The function runs in one transaction together with the mark that it is done; it must not call
    the network, and queues mails and texts as rows.
    """

    def decorate(function: Handler) -> Task:
        name = f"{function.__module__.partition('.')[0]}.{function.__name__}"
        for kind in kinds:
            _subscribers[kind].append(name)

        @shared_task(name=name)
        @wraps(function)
        def task(*, delivery_id: int, **_later: object) -> None:
            run_delivery(delivery_id, function)

        return task

    return decorate


def run_delivery(delivery_id: int, function: Handler) -> None:
    """Run the handler of one delivery, unless somebody else does or did."""
    lease_for = settings.CONSOLE_LEASE_SECONDS
    delivery = Delivery.lease(delivery_id, now=timezone.now(), seconds=lease_for)
    if delivery is None:
        return
    try:
        with transaction.atomic():
            # The row lock makes a slow first run and its repetition exclude each other.
            if not Delivery.objects.select_for_update().filter(pk=delivery.pk, done_at=None).exists():
                return
            function(delivery.event)
            delivery.finish(now=timezone.now())
    except Exception as error:
        delivery.postpone(now=timezone.now(), reason=type(error).__name__)
        _log.exception("delivery failed", extra={"delivery": delivery_id, "task": delivery.task})
        raise
