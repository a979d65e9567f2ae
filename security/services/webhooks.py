"""Add, change, pause and remove webhooks, and change their secrets."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.models import Account
from console.core import audit_log
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.outbound_rules import parse_target
from console.core.permissions import Permission
from console.core.ratelimit import Limit, spend
from security.models import WebhookEndpoint
from security.webhook_signing import make_secret

State = WebhookEndpoint.State
_ADDITIONS = Limit("webhook-add", 30, 3600)


class TooManyWebhooks(DomainError):
    """The account has as many endpoints as it may."""

    code = "too_many_webhooks"
    field = "url"


class WebhookTwice(DomainError):
    """Another endpoint of the account has this address."""

    code = "webhook_twice"
    field = "url"


class NoSuchWebhook(DomainError):
    """The account has no such endpoint."""

    code = "not_found"


class OverlapRuns(DomainError):
    """The secret before this one still signs, and a third has no place."""

    code = "overlap_runs"
    field = "overlap"


@dataclass(frozen=True, slots=True)
class MadeSecret:
    """An endpoint with its new secret, which is there once: it is empty when the same form came again."""

    endpoint: WebhookEndpoint
    secret: str


def add_webhook(
    *, actor: Actor, url: str, description: str, areas: Sequence[str], form_id: UUID, now: datetime
) -> MadeSecret:
    """Add an endpoint that is told every event from now on, or those of some areas.

    :raises OutboundRefused: if the address is none that may be called
    :raises TooManyWebhooks: if the account has its most
    """
    actor.require(Permission.SECURITY_MANAGE)
    address = str(parse_target(url))
    spend(_ADDITIONS, str(actor.account.pk), now=now)
    with transaction.atomic():
        _lock(actor.account)
        public_id = uuid.uuid5(form_id, actor.account.auth_id)
        known = list(WebhookEndpoint.objects.of(actor.account))
        made = next((row for row in known if row.public_id == public_id), None)
        if made is not None:
            return MadeSecret(made, "")
        _refuse(known, address, more=1)
        endpoint, secret = WebhookEndpoint(account=actor.account, public_id=public_id), make_secret()
        endpoint.url, endpoint.description, endpoint.areas = address, description, list(areas)
        endpoint.made_by, endpoint.made_at = actor.user, now
        endpoint.put_secret(secret, now=now)
        # Its own beginning is the first thing it is told.
        endpoint.cursor = audit_log.head_of(audit_log.chain_of(actor.account)).length
        endpoint.save()
        record(EventKind.WEBHOOK_ADDED, actor=actor, target=endpoint, **_facts(endpoint))
    return MadeSecret(endpoint, secret)


def _lock(account: Account) -> None:
    """Let one change of the account's list of endpoints run at a time."""
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)


def _refuse(known: Sequence[WebhookEndpoint], address: str, *, more: int = 0) -> None:
    if any(row.url == address for row in known):
        raise WebhookTwice("Another webhook has this address already.")
    if len(known) + more > settings.CONSOLE_WEBHOOKS:
        raise TooManyWebhooks(f"The account has {len(known)} webhooks, as many as it can. Remove one first.")


def _facts(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """Say what the endpoint is told and where, without the path, which may hold a secret."""
    return {
        "host": endpoint.host,
        "description": endpoint.description,
        "areas": endpoint.areas or ["Everything"],
    }


def _locked(actor: Actor, public_id: UUID) -> WebhookEndpoint:
    rows = WebhookEndpoint.objects.of(actor.account).select_for_update()
    endpoint = rows.filter(public_id=public_id).first()
    if endpoint is None:
        raise NoSuchWebhook("There is no such webhook.")
    return endpoint


@transaction.atomic
def change_webhook(
    *, actor: Actor, public_id: UUID, url: str, description: str, areas: Sequence[str]
) -> WebhookEndpoint:
    """Change where an endpoint is and what it is told.

    :raises OutboundRefused: if the address is none that may be called
    """
    actor.require(Permission.SECURITY_MANAGE)
    address = str(parse_target(url))
    _lock(actor.account)
    endpoint = _locked(actor, public_id)
    _refuse(list(WebhookEndpoint.objects.of(actor.account).exclude(pk=endpoint.pk)), address)
    before, is_moved = _facts(endpoint), address != endpoint.url
    endpoint.url, endpoint.description, endpoint.areas = address, description, list(areas)
    if is_moved:
        endpoint.failing_since = endpoint.warned_at = endpoint.rests_until = None
    if is_moved or before != _facts(endpoint):
        endpoint.save()
        facts: dict[str, Any] = {"before": before, "after": _facts(endpoint), "is_moved": is_moved}
        record(EventKind.WEBHOOK_CHANGED, actor=actor, target=endpoint, **facts)
    return endpoint


@transaction.atomic
def pause_webhook(*, actor: Actor, public_id: UUID) -> WebhookEndpoint:
    """Send nothing more until somebody turns the endpoint on again; events wait."""
    actor.require(Permission.SECURITY_MANAGE)
    endpoint = _locked(actor, public_id)
    if endpoint.state == State.ENABLED:
        endpoint.state = State.PAUSED
        endpoint.save(update_fields=["state"])
        record(EventKind.WEBHOOK_PAUSED, actor=actor, target=endpoint, host=endpoint.host)
    return endpoint


@transaction.atomic
def resume_webhook(*, actor: Actor, public_id: UUID) -> WebhookEndpoint:
    """Send again, what waited included."""
    actor.require(Permission.SECURITY_MANAGE)
    endpoint = _locked(actor, public_id)
    if endpoint.state != State.ENABLED:
        before = endpoint.state
        endpoint.state, endpoint.stop_reason = State.ENABLED, ""
        endpoint.failing_since = endpoint.warned_at = endpoint.rests_until = None
        endpoint.save()
        record(EventKind.WEBHOOK_RESUMED, actor=actor, target=endpoint, host=endpoint.host, before=before)
    return endpoint


@transaction.atomic
def rotate_secret(
    *, actor: Actor, public_id: UUID, keeps_old: bool, form_id: UUID, now: datetime
) -> MadeSecret:
    """Make a new secret; the old one signs beside it for a while when it is kept.

    :raises OverlapRuns: if it is to be kept while the one before it still signs
    """
    actor.require(Permission.SECURITY_MANAGE)
    endpoint = _locked(actor, public_id)
    if endpoint.rotation_id == form_id:
        return MadeSecret(endpoint, "")
    if keeps_old and endpoint.has_overlap(now):
        raise OverlapRuns("The secret before this one still signs. Stop it now, or wait until it ends.")
    overlap = timedelta(hours=settings.CONSOLE_WEBHOOK_OVERLAP_HOURS)
    endpoint.sealed_previous = endpoint.sealed_secret if keeps_old else None
    endpoint.previous_ends_at = now + overlap if keeps_old else None
    secret, endpoint.rotation_id = make_secret(), form_id
    endpoint.put_secret(secret, now=now)
    endpoint.save()
    facts: dict[str, Any] = {"host": endpoint.host, "old_until": endpoint.previous_ends_at}
    record(EventKind.WEBHOOK_SECRET_ROTATED, actor=actor, target=endpoint, **facts)
    return MadeSecret(endpoint, secret)


@transaction.atomic
def remove_webhook(*, actor: Actor, public_id: UUID) -> WebhookEndpoint:
    """Forget an endpoint, its secret and its history."""
    actor.require(Permission.SECURITY_MANAGE)
    endpoint = _locked(actor, public_id)
    record(EventKind.WEBHOOK_REMOVED, actor=actor, target=endpoint, **_facts(endpoint))
    endpoint.delete()
    return endpoint


def pause_all(account: Account, actor: Actor, now: datetime) -> int:
    """Pause every endpoint of the account, and return how many that were; a step of the lock-down."""
    return WebhookEndpoint.objects.of(account).filter(state=State.ENABLED).update(state=State.PAUSED)
