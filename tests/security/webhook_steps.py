"""What the tests of webhooks share."""

import uuid

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.requests import Origin
from security.models import WebhookDelivery
from security.services import webhook_delivery, webhook_queue, webhooks
from teams.roles import RIGHTS, Role

URL = "https://hooks.halyard.example/console?key=k3y"


def actor_of(cast, role=Role.OWNER):
    """Return a member of the account who acts."""
    user = getattr(cast, str(role))
    return Actor(user=user, account=cast.account, rights=RIGHTS[role], origin=Origin(ip="192.0.2.1"))


def add(cast, url=URL, areas=(), at=None, **more):
    """Add an endpoint, and return it with its secret."""
    made = webhooks.add_webhook(
        actor=actor_of(cast), url=url, description="Log collector", areas=areas,
        form_id=uuid.uuid4(), now=at or timezone.now(), **more,
    )  # fmt: skip
    return made.endpoint, made.secret


def point(endpoint, customer):
    """Let the endpoint lead to the test's own server, whose port no customer could name."""
    endpoint.url = customer.url
    endpoint.save()


def happen(cast, kind=EventKind.ACCOUNT_UPDATED, **data):
    """Let something happen in the account."""
    with transaction.atomic():
        return record(kind, actor=actor_of(cast), target=cast.account, **data)


def take(now=None):
    """Queue what happened."""
    return webhook_queue.take_events(now=now or timezone.now())


def push(endpoint, client, now=None, **more):
    """Send a batch."""
    clock = (lambda: now) if now else timezone.now
    return webhook_delivery.push(endpoint.pk, client=client, jitter=1.0, clock=clock, **more)


def only(endpoint, kind=None):
    """Return the only delivery (of the kind)."""
    rows = WebhookDelivery.objects.filter(endpoint=endpoint)
    return (rows.filter(kind=kind) if kind else rows).get()


def page(name, cast, **more):
    """Return an address of the pages."""
    return reverse(f"security:{name}", kwargs={"account": cast.account.auth_id, **more})
