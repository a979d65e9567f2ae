"""Push events to webhooks, watch those that fail, and mail what people should know about them."""

import random

from celery import shared_task
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from console.core.events import EventKind, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from console.core.outbound import Outbound
from security.services import webhook_delivery, webhook_queue
from security.webhook_queries import endpoint_of_event
from teams.queries import contacts_of

_MAILS: dict[str, str] = {
    EventKind.WEBHOOK_ADDED: "webhook_pointed",
    EventKind.WEBHOOK_CHANGED: "webhook_pointed",
    EventKind.WEBHOOK_FAILING: "webhook_failing",
    EventKind.WEBHOOK_STOPPED: "webhook_stopped",
}


@shared_task(name="security.queue_webhooks", ignore_result=True)
def queue_webhooks() -> None:
    """Queue what happened since the last look, and hand endpoints with due deliveries to workers."""
    now = timezone.now()
    webhook_queue.take_events(now=now)
    webhook_queue.publish(webhook_queue.due_endpoints(now=now))


@shared_task(name=webhook_queue.PUSH, ignore_result=True)
def push_webhook(*, endpoint_id: int, **_later: object) -> None:
    """Send a batch to one endpoint, and ask for the next one if it was taken."""
    jitter = random.uniform(1.0, 1.2)  # noqa: S311 - spreads load
    if webhook_delivery.push(endpoint_id, client=Outbound(), jitter=jitter):
        webhook_queue.publish([endpoint_id])


@shared_task(name="security.watch_webhooks")
def watch_webhooks() -> None:
    """Warn about and stop endpoints that take nothing, and delete old deliveries."""
    now = timezone.now()
    webhook_delivery.watch_failing(now=now)
    webhook_delivery.sweep_old(now=now)


@subscriber(*(EventKind(kind) for kind in _MAILS))
def mail_webhook(event: AuditEvent) -> None:
    """Tell owner and admins where the account's events go from now on, or that they do not arrive."""
    is_moved = event.kind != EventKind.WEBHOOK_CHANGED or event.data["is_moved"]
    account = Account.objects.get(pk=event.account_id or 0)
    endpoint = endpoint_of_event(event)
    if not is_moved or endpoint is None:
        return
    route = {"account": account.auth_id, "public_id": endpoint.public_id}
    facts = [("Account", f"{account.name}, {account.auth_id}"), ("Server", endpoint.host)]
    facts += [("By", event.actor_label), ("From", event.ip or "")] if event.actor_kind == "user" else []
    context = {
        "account": account,
        "endpoint": endpoint,
        "facts": facts,
        "is_gone": event.data.get("reason") == "gone",
        "hours": settings.CONSOLE_WEBHOOK_STOP_HOURS,
        "button_url": settings.BASE_URL + reverse("security:webhook", kwargs=route),
        "button_label": "Open the webhook",
    }
    for person in contacts_of(account):
        key = f"event:{event.public_id}:{person.pk}"
        queue_mail(f"security/{_MAILS[event.kind]}", to=person.email, key=key, context=context)
