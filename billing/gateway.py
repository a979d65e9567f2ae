"""Talk to Stripe: the only module that knows its library. What comes back are plain facts, never Stripe's objects.

Every call that makes something carries an idempotency key, so that a repeated call makes nothing twice.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

import stripe
from django.conf import settings

from console.core.errors import DomainError

API_VERSION = "2026-10-28.endive"
_CURRENCY = "usd"
_SECONDS = 10
_TOLERANCE_SECONDS = 300
_SERVER_ERROR = 500
_NOT_FOUND = 404
_TEST_KEY = "sk_test_"
_log = logging.getLogger("console.stripe")


class GatewayOff(DomainError):
    """No Stripe key is configured; nothing was asked."""

    code = "payments_off"


class GatewayDown(DomainError):
    """Stripe did not answer, or not now; the same call may be made again."""

    code = "payments_down"


class GatewayRefused(DomainError):
    """Stripe refused the call for good, or the bank refused the card; ``code`` says why."""

    code = "payment_refused"


class BadSignature(DomainError):
    """The notice was not signed by Stripe with our secret."""

    code = "bad_signature"


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as Stripe knows it now; ``reference`` is the public id of our row, ``received`` in US dollars."""

    intent_id: str
    status: str
    amount: Decimal
    received: Decimal
    currency: str
    customer_id: str
    reference: str
    error_code: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class CardSetUp:
    """The saving of a card as Stripe knows it now; ``method_id`` is there once it is confirmed."""

    intent_id: str
    status: str
    customer_id: str
    reference: str
    method_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What may be shown of a card."""

    method_id: str
    customer_id: str
    brand: str
    last_four: str
    expires_month: int
    expires_year: int


@dataclass(frozen=True, slots=True)
class Notice:
    """What a signed webhook is about: the object is fetched again, so nothing else of it is used."""

    event_id: str
    kind: str
    object_id: str


def is_on() -> bool:
    """Say whether cards can be used at all."""
    return bool(settings.STRIPE_SECRET_KEY)


def is_test() -> bool:
    """Say whether the key moves no real money."""
    return str(settings.STRIPE_SECRET_KEY).startswith(_TEST_KEY)


def require_on() -> None:
    """Refuse the deed while no key is configured.

    :raises GatewayOff: if there is none
    """
    if not is_on():
        raise GatewayOff("Cards can not be used: this console has no key for Stripe.")


def open_customer(*, key: UUID, name: str, reference: str) -> str:
    """Make a customer, once for each key, and return its id."""
    params: Any = {"name": name, "metadata": {"account": reference}}
    with _refusals():
        made = _client().v1.customers.create(params, _once("customer", key))
    return str(made.id)


def open_payment(*, key: UUID, customer_id: str, method_id: str, amount: Decimal, account: str) -> Payment:
    """Make a payment that moves no money yet, once for each key."""
    params: Any = {
        "amount": _cents(amount),
        "currency": _CURRENCY,
        "customer": customer_id,
        "payment_method": method_id,
        "payment_method_types": ["card"],
        "metadata": {"recharge": str(key), "account": account},
    }
    with _refusals():
        return _payment(_client().v1.payment_intents.create(params, _once("payment", key)))


def confirm_payment(*, key: UUID, intent_id: str, is_automatic: bool) -> Payment:
    """Charge the card of a payment; one that was charged before is returned as it is.

    ``is_automatic`` says that nobody is there to confirm it to the bank.
    """
    params: Any = {"off_session": True} if is_automatic else {}
    try:
        with _refusals():
            made = _client().v1.payment_intents.confirm(intent_id, params, _once("confirm", key))
            return _payment(made)
    except GatewayRefused:
        # Declined, or confirmed before: what Stripe has is the truth.
        return find_payment(intent_id)


def find_payment(intent_id: str) -> Payment:
    """Return the payment as Stripe has it now."""
    with _refusals():
        return _payment(_client().v1.payment_intents.retrieve(intent_id))


def cancel_payment(*, key: UUID, intent_id: str) -> Payment:
    """End a payment that was not charged; one that was is returned as it is."""
    try:
        with _refusals():
            return _payment(_client().v1.payment_intents.cancel(intent_id, {}, _once("cancel", key)))
    except GatewayRefused:
        return find_payment(intent_id)


def open_set_up(*, key: UUID, customer_id: str) -> CardSetUp:
    """Begin to save a card of the customer, once for each key."""
    params: Any = {
        "customer": customer_id,
        "usage": "off_session",
        "payment_method_types": ["card"],
        "metadata": {"setup": str(key)},
    }
    with _refusals():
        return _set_up(_client().v1.setup_intents.create(params, _once("setup", key)))


def confirm_set_up(*, key: UUID, intent_id: str, method_id: str) -> CardSetUp:
    """Save one of Stripe's test cards; cards of people are confirmed by their browsers."""
    with _refusals():
        confirmed = _client().v1.setup_intents.confirm(
            intent_id, {"payment_method": method_id}, _once(f"setup-{method_id}", key)
        )
        return _set_up(confirmed)


def find_set_up(intent_id: str) -> CardSetUp:
    """Return the saving of a card as Stripe has it now."""
    with _refusals():
        return _set_up(_client().v1.setup_intents.retrieve(intent_id))


def find_card(method_id: str, *, customer_id: str) -> CardFacts:
    """Return what may be shown of a saved card, and see that it is the customer's."""
    with _refusals():
        method = _client().v1.payment_methods.retrieve(method_id)
        if not _id(_field(method, "customer")):
            params: Any = {"customer": customer_id}
            method = _client().v1.payment_methods.attach(method_id, params)
        return _card(method)


def has_card(method_id: str) -> bool:
    """Say whether Stripe keeps the card for a customer."""
    try:
        with _refusals():
            return bool(_id(_field(_client().v1.payment_methods.retrieve(method_id), "customer")))
    except GatewayRefused as error:
        if error.code == "not_found":
            return False
        raise


def forget_card(method_id: str) -> None:
    """Take a saved card from its customer; one that is gone already stays gone."""
    try:
        with _refusals():
            _client().v1.payment_methods.detach(method_id)
    except GatewayRefused as error:
        _log.info("card was gone already", extra={"reason": error.code})


def read_notice(body: bytes, *, signature: str) -> Notice:
    """Return what a webhook is about, after its signature was checked.

    :raises BadSignature: if it is not signed with our secret, or too old
    """
    secret = str(settings.STRIPE_WEBHOOK_SECRET)
    if not secret:
        raise BadSignature("This console has no secret for webhooks of Stripe.")
    try:
        event = stripe.Webhook.construct_event(body, signature, secret, _TOLERANCE_SECONDS)
        found = event["data"]["object"]
        return Notice(str(event["id"]), str(event["type"]), _text(found, "id"))
    except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadSignature("The signature does not fit.") from error


def _client() -> stripe.StripeClient:
    require_on()
    return _made_client(str(settings.STRIPE_SECRET_KEY), settings.STRIPE_BASE_URL)


@cache
def _made_client(key: str, base: str) -> stripe.StripeClient:
    addresses: Any = dict.fromkeys(("api", "files", "connect", "meter_events"), base) if base else {}
    return stripe.StripeClient(
        key,
        stripe_version=API_VERSION,
        base_addresses=addresses,
        http_client=stripe.RequestsClient(timeout=_SECONDS),
        max_network_retries=1,
    )


def _once(deed: str, key: UUID) -> Any:
    return {"idempotency_key": f"{deed}:{key}"}


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn the errors of the library into ours."""
    try:
        yield
    except (stripe.CardError, stripe.InvalidRequestError) as error:
        if isinstance(error, stripe.RateLimitError) or (error.http_status or 0) >= _SERVER_ERROR:
            raise _down(error) from error
        raise GatewayRefused("Stripe refused the payment.", code=_code_of(error)) from error
    except stripe.StripeError as error:
        raise _down(error) from error


def _down(error: stripe.StripeError) -> GatewayDown:
    facts = {"reason": type(error).__name__, "status": error.http_status, "request": error.request_id}
    _log.warning("stripe gave no answer", extra=facts)
    return GatewayDown("Stripe does not answer now.")


def _code_of(error: stripe.StripeError) -> str:
    details = getattr(error.error, "decline_code", None) if error.error else None
    if error.http_status == _NOT_FOUND:
        return "not_found"
    return str(details or error.code or "payment_refused")[:60]


def _cents(amount: Decimal) -> int:
    return int(amount * 100)


def _dollars(cents: Any) -> Decimal:
    return Decimal(int(cents or 0)) / 100


def _id(found: Any) -> str:
    """Return the id of what may be an id, an object or nothing."""
    return "" if found is None else str(found if isinstance(found, str) else found["id"])


def _text(found: Any, name: str) -> str:
    return str(_field(found, name) or "")


def _field(found: Any, name: str) -> Any:
    return getattr(found, name, None)


def _payment(made: Any) -> Payment:
    failure, amount = _field(made, "last_payment_error"), _dollars(made["amount"])
    received = _field(made, "amount_received")
    if received is None:
        received = made["amount"] if made["status"] == "succeeded" else 0
    return Payment(
        intent_id=made["id"],
        status=made["status"],
        amount=amount,
        received=_dollars(received),
        currency=made["currency"],
        customer_id=_id(_field(made, "customer")),
        reference=_text(_field(made, "metadata"), "recharge"),
        error_code=(_text(failure, "decline_code") or _text(failure, "code"))[:60],
        client_secret=_text(made, "client_secret"),
    )


def _set_up(made: Any) -> CardSetUp:
    return CardSetUp(
        intent_id=made["id"],
        status=made["status"],
        customer_id=_id(_field(made, "customer")),
        reference=_text(_field(made, "metadata"), "setup"),
        method_id=_id(_field(made, "payment_method")),
        client_secret=_text(made, "client_secret"),
    )


def _card(method: Any) -> CardFacts:
    card = method["card"]
    return CardFacts(
        method_id=method["id"],
        customer_id=_id(_field(method, "customer")),
        brand=str(card["brand"])[:20],
        last_four=str(card["last4"])[:4],
        expires_month=int(card["exp_month"]),
        expires_year=int(card["exp_year"]),
    )
