"""What the fake can not show, in the shapes in which Stripe answers."""

import json
import threading
import time
import uuid
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from billing import gateway
from billing.models import StripeEvent
from tests.billing.card_steps import actor_of, add_credit, save_card
from tests.billing.stripe_peer import faults, stripe_peer

__all__ = ["stripe_peer"]
KEY = uuid.UUID(int=7)


def _intent(**changes):
    """Return a payment as Stripe draws it (API version 2026-10-28.endive), cut to what is read."""
    return {
        "id": "pi_3QexampleA",
        "object": "payment_intent",
        "amount": 5000,
        "amount_received": 0,
        "client_secret": "pi_3QexampleA_secret_x",
        "currency": "usd",
        "customer": {"id": "cus_R1", "object": "customer"},
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {"recharge": str(KEY), "account": "MA1"},
        "payment_method": "pm_1",
        "status": "requires_confirmation",
    } | changes


def _declined(code, decline_code):
    return {
        "type": "card_error",
        "code": code,
        "decline_code": decline_code,
        "message": "Your card was declined.",
        "doc_url": "https://docs.stripe.com/error-codes",
        "payment_intent": _intent(status="requires_payment_method"),
    }


@pytest.mark.parametrize(
    ("code", "decline_code", "found"),
    [
        ("card_declined", "insufficient_funds", "insufficient_funds"),
        ("authentication_required", "authentication_required", "authentication_required"),
        ("expired_card", None, "expired_card"),
    ],
)
def test_decline_is_read_from_the_payment_itself(stripe_peer, settings, code, decline_code, found):
    error = _declined(code, decline_code)
    with faults(settings) as proxy:
        proxy.plan = {
            "/confirm": [(402, {"error": error})],
            "/pi_3QexampleA": [(200, _intent(status="requires_payment_method", last_payment_error=error))],
        }
        payment = gateway.confirm_payment(key=KEY, intent_id="pi_3QexampleA", is_automatic=True)
    assert (payment.status, payment.error_code) == ("requires_payment_method", found)
    assert (payment.customer_id, payment.received) == ("cus_R1", Decimal(0))
    _, path, headers, body = proxy.asked[0]
    assert path == "/v1/payment_intents/pi_3QexampleA/confirm"
    assert headers["Stripe-Version"] == gateway.API_VERSION == "2026-10-28.endive"
    assert headers["Idempotency-Key"] == f"confirm:{KEY}"
    assert body == "off_session=true"


def test_what_was_received_counts_and_not_what_was_asked_for(stripe_peer, settings):
    with faults(settings) as proxy:
        proxy.plan = {"/pi_3QexampleA": [(200, _intent(status="succeeded", amount_received=4999))]}
        payment = gateway.find_payment("pi_3QexampleA")
    assert (payment.amount, payment.received) == (Decimal(50), Decimal("49.99"))


@pytest.mark.parametrize(
    ("status", "error", "refusal"),
    [
        (429, {"type": "invalid_request_error", "code": "lock_timeout"}, gateway.GatewayDown),
        (409, {"type": "idempotency_error", "message": "in progress"}, gateway.GatewayDown),
        (401, {"type": "invalid_request_error", "message": "Invalid API Key"}, gateway.GatewayDown),
        (503, {"type": "api_error", "message": "down"}, gateway.GatewayDown),
        (404, {"type": "invalid_request_error", "code": "resource_missing"}, gateway.GatewayRefused),
    ],
)
def test_errors_become_ours(stripe_peer, settings, status, error, refusal):
    with faults(settings) as proxy:
        proxy.plan = {"/pi_1": [(status, {"error": error})] * 3}
        with pytest.raises(refusal):
            gateway.find_payment("pi_1")


def test_silence_is_an_error_of_ours(stripe_peer, settings):
    settings.STRIPE_BASE_URL = "http://127.0.0.1:9"
    with pytest.raises(gateway.GatewayDown):
        gateway.find_payment("pi_1")


def test_card_that_stripe_attached_is_not_attached_again(stripe_peer, settings):
    card = {"brand": "mastercard", "last4": "4444", "exp_month": 3, "exp_year": 2027}
    method = {"id": "pm_1", "object": "payment_method", "customer": "cus_R1", "card": card}
    with faults(settings) as proxy:
        proxy.plan = {"/pm_1": [(200, method)]}
        found = gateway.find_card("pm_1", customer_id="cus_R1")
    assert found == gateway.CardFacts("pm_1", "cus_R1", "mastercard", "4444", 3, 2027)
    assert len(proxy.asked) == 1


def _tells_of(body, intent_id):
    event = json.loads(body)
    return (event["type"], event["data"]["object"]["id"]) == ("payment_intent.succeeded", intent_id)


def test_what_the_fake_sends_itself_is_taken(cast, stripe_peer, settings, client):
    heard = []

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.headers["Stripe-Signature"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Ear) as ear:
        threading.Thread(target=ear.serve_forever, args=(0.02,), daemon=True).start()
        hook = {"url": f"http://127.0.0.1:{ear.server_address[1]}/", "secret": settings.STRIPE_WEBHOOK_SECRET}
        requests.post(f"{stripe_peer.url}/_config/webhooks/test", data=hook, timeout=10)
        owner = actor_of(cast.account, cast.owner)
        row = add_credit(owner, save_card(stripe_peer, owner))
        ends_at = time.monotonic() + 10
        # The fake speaks a second late: of payments of earlier tests too.
        while not any(_tells_of(body, row.intent_id) for _, body in heard) and time.monotonic() < ends_at:
            time.sleep(0.05)
        ear.shutdown()
    for signature, body in heard:
        answer = client.post(
            "/billing/stripe/webhook/",
            body,
            content_type="application/json",
            headers={"Stripe-Signature": signature},
        )
        assert answer.status_code == 200
    known = StripeEvent.objects.filter(kind="payment_intent.succeeded", object_id=row.intent_id)
    assert known.count() == 1
