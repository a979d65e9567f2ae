"""Steps with cards that several tests take."""

import hashlib
import hmac
import json
import time
import uuid
from decimal import Decimal

from django.test import Client
from django.utils import timezone

from billing.models import Balance, Card, LedgerEntry
from billing.services import cards, recharge
from billing.services.verification import verify_ledger
from teams.queries import resolve_actor


def actor_of(account, user):
    """Return the person as an actor of the account."""
    from console.core.requests import Origin

    return resolve_actor(user, auth_id=account.auth_id, origin=Origin())


def save_card(peer, actor, number="4242424242424242"):
    """Save a card as a person does whose browser confirmed it."""
    now = timezone.now()
    setup = cards.begin_card(actor=actor, form_id=uuid.uuid4(), now=now)
    path = f"/v1/setup_intents/{setup.intent_id}/confirm"
    peer.post(path, payment_method=peer.method(number))
    peer.post(path, use_stripe_sdk="true")  # the bank's question, answered with yes
    return cards.finish_card(actor=actor, public_id=setup.public_id, now=now).card


def add_credit(actor, card, amount="50", *, form_id=None, now=None):
    """Add credit by the card."""
    return recharge.recharge(
        actor=actor,
        amount=Decimal(amount),
        card_id=card.public_id,
        form_id=form_id or uuid.uuid4(),
        now=now or timezone.now(),
    )


def taken(account):
    """Return the amounts that came in by card, and see that everything adds up."""
    assert verify_ledger(now=timezone.now()).is_good
    rows = LedgerEntry.objects.of(account).filter(kind="recharge").order_by("id")
    return [row.amount for row in rows]


def balance(account):
    """Return the balance."""
    return Balance.objects.get(account=account).amount


def notice(intent_id, kind="payment_intent.succeeded", event_id=""):
    """Return an event in the shape in which Stripe sends it."""
    return {
        "id": event_id or f"evt_{uuid.uuid4().hex[:16]}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "livemode": False,
        "pending_webhooks": 1,
        "type": kind,
        "data": {"object": {"id": intent_id, "object": kind.split(".")[0], "amount": 1}},
    }


def tell(settings, event, *, secret="", at=None):
    """Post an event, signed as Stripe signs."""
    body, at = json.dumps(event), at or int(time.time())
    key = (secret or settings.STRIPE_WEBHOOK_SECRET).encode()
    signed = hmac.new(key, f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={at},v1={signed}"}
    return Client().post("/billing/stripe/webhook/", body, content_type="application/json", headers=headers)


def any_card(account):
    """Return the account's cards that were not removed."""
    return list(Card.objects.of(account).filter(removed_at=None))
