"""Take what Stripe tells, once for each event, and act on what the object is now, not on what was told."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction

from billing import gateway
from billing.gateway import GatewayDown, GatewayOff, GatewayRefused
from billing.models import Card, StripeEvent
from billing.services.cards import drop_card, save_set_up
from billing.services.recharge import PaymentMismatch, settle_payment
from console.core.events import send_tasks

_KEEP = timedelta(days=60)


def take_stripe_event(*, body: bytes, signature: str, now: datetime) -> bool:
    """Store a signed event for a worker; False when it came before.

    :raises BadSignature: if it is not signed with our secret
    """
    notice = gateway.read_notice(body, signature=signature)
    facts = {
        "kind": notice.kind[:100],
        "object_id": notice.object_id[:255],
        "received_at": now,
        "due_at": now,
    }
    with transaction.atomic():
        event, is_new = StripeEvent.objects.get_or_create(event_id=notice.event_id, defaults=facts)
        if is_new:
            transaction.on_commit(partial(_send, event.pk), robust=True)
    return is_new


def _send(event_id: int) -> None:
    send_tasks([("billing.handle_stripe_event", {"event_id": event_id})])


def handle_stripe_event(*, event_id: int, now: datetime) -> None:
    """Ask Stripe for the object of an event and act on it; one that was handled is left alone."""
    event = StripeEvent.lease(event_id, now=now, seconds=settings.CONSOLE_LEASE_SECONDS)
    if event is None:
        return
    handler = next((each for prefix, each in _HANDLERS.items() if event.kind.startswith(prefix)), None)
    try:
        if handler is not None:
            handler(event.object_id, now)
    except (GatewayDown, GatewayOff) as error:
        event.postpone(now=now, reason=error.code)
    except (GatewayRefused, PaymentMismatch) as error:
        event.give_up(now=now, reason=error.code)
    else:
        event.finish(now=now)


def forget_stripe_events(*, now: datetime) -> int:
    """Delete events that are long handled: Stripe repeats them for days, not for months."""
    old = StripeEvent.objects.filter(received_at__lt=now - _KEEP)
    return old.exclude(done_at=None, failed_at=None).delete()[0]


def _settle(intent_id: str, now: datetime) -> None:
    settle_payment(payment=gateway.find_payment(intent_id), now=now)


def _save(intent_id: str, now: datetime) -> None:
    save_set_up(intent_id=intent_id, now=now)


def _drop(method_id: str, now: datetime) -> None:
    card = Card.unscoped.filter(method_id=method_id, removed_at=None).first()
    if card is not None and not gateway.has_card(method_id):
        drop_card(card_id=card.pk, now=now)


_HANDLERS: Mapping[str, Callable[[str, datetime], None]] = {
    "payment_intent.": _settle,
    "setup_intent.": _save,
    "payment_method.detached": _drop,
}
