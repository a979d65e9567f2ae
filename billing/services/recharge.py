"""Bring money in by card. A recharge is a row before Stripe hears of it, and its public id is the key of every call.

The payment is made first and charged second, with its id stored in between: whatever is done again then, by whom and
how often, concerns the same payment. The ledger takes it once, by the same id.
"""

import logging
import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.models import Account
from billing import gateway, recharge_rules
from billing.gateway import GatewayDown, GatewayRefused, Payment
from billing.models import AutoRecharge, Card, LedgerEntry, PaymentCustomer, Recharge
from billing.services.ledger import post_entry
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from console.core.ratelimit import Limit, spend

State = Recharge.State
_ASKED = Limit("recharge", 20, 3600)
_HOLD_SECONDS = 120
_WAIT = timedelta(minutes=10)
_SHORTEST, _LONGEST = 5, 600
_WAITING = {"requires_confirmation", "processing", "requires_capture"}
_log = logging.getLogger("console.recharge")


class RechargeRefused(DomainError):
    """The amount is none that may be added, or the card is none of the account's."""

    code = "recharge_refused"


class PaymentMismatch(DomainError):
    """What Stripe says of a payment is not what was asked for: a person must look."""

    code = "payment_mismatch"


def recharge(*, actor: Actor, amount: Decimal, card_id: UUID, form_id: UUID, now: datetime) -> Recharge:
    """Add credit by a saved card; the same form pays once.

    :raises RechargeRefused: if amount or card do not fit
    :raises GatewayOff: if no Stripe key is configured
    """
    actor.require(Permission.BILLING_MANAGE)
    gateway.require_on()
    if not settings.CONSOLE_RECHARGE_LEAST <= amount <= settings.CONSOLE_RECHARGE_MOST:
        least, most = settings.CONSOLE_RECHARGE_LEAST, settings.CONSOLE_RECHARGE_MOST
        raise RechargeRefused(f"Add between ${least:,} and ${most:,} at a time.", field="amount")
    spend(_ASKED, str(actor.account.pk), now=now)
    row = _ask(actor, amount, card_id, uuid.uuid5(form_id, actor.account.auth_id), now)
    drive_recharge(recharge_id=row.pk, now=now)
    row.refresh_from_db()
    return row


def look_again(*, actor: Actor, public_id: UUID, now: datetime) -> None:
    """Ask Stripe what became of a recharge, when a person has just answered the bank or wants to know."""
    actor.require(Permission.BILLING_MANAGE)
    row = Recharge.objects.of(actor.account).filter(public_id=public_id).first()
    if row is None or row.state != State.NEEDS_ACTION:
        return
    Recharge.objects.of(actor.account).filter(pk=row.pk, state=State.NEEDS_ACTION).update(check_at=now)
    drive_recharge(recharge_id=row.pk, now=now)


@transaction.atomic
def _ask(actor: Actor, amount: Decimal, card_id: UUID, public_id: UUID, now: datetime) -> Recharge:
    # The lock puts two clicks after each other.
    account = Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)
    known: Recharge | None = Recharge.objects.of(account).filter(public_id=public_id).first()
    if known is not None:
        return known
    card = Card.objects.of(account).filter(public_id=card_id, removed_at=None).first()
    if card is None:
        raise RechargeRefused("Choose one of the saved cards.", field="card")
    row: Recharge = Recharge.objects.create(
        account=account,
        public_id=public_id,
        amount=amount,
        card=card,
        asked_by=actor.user,
        made_at=now,
        check_at=now,
    )
    facts: dict[str, Any] = {"amount": str(amount), "card": str(card)}
    record(EventKind.RECHARGE_ASKED, actor=actor, target=row, account=account, at=now, **facts)
    return row


def drive_recharge(*, recharge_id: int, now: datetime) -> None:
    """Bring a recharge a step further, unless another worker does; one that is settled stays as it is."""
    row = Recharge.take(recharge_id, now=now, seconds=_HOLD_SECONDS)
    if row is None:
        return
    try:
        payment = _advance(row, now)
        settle_payment(payment=payment, now=now)
    except GatewayDown as error:
        _look_later(row, error, now)
    except GatewayRefused as error:
        _fail(row, error.code, now)
    except PaymentMismatch:
        _log.exception("payment is not what was asked for", extra={"recharge": str(row.public_id)})
        Recharge.unscoped.filter(pk=row.pk).update(check_at=now + timedelta(hours=1))


def _advance(row: Recharge, now: datetime) -> Payment:
    """Make the payment if there is none, store its id, and charge the card."""
    is_late = now - row.made_at > timedelta(hours=settings.CONSOLE_RECHARGE_HOURS)
    if not row.intent_id and is_late:
        raise GatewayRefused("It took too long.", code="no_answer")
    payment = gateway.find_payment(row.intent_id) if row.intent_id else _open(row, now)
    if is_late and payment.status not in {"succeeded", "processing"}:
        return gateway.cancel_payment(key=row.public_id, intent_id=payment.intent_id)
    if payment.status == "requires_confirmation":
        payment = gateway.confirm_payment(
            key=row.public_id, intent_id=payment.intent_id, is_automatic=row.is_automatic
        )
    return payment


def _open(row: Recharge, now: datetime) -> Payment:
    if row.card is None:
        raise GatewayRefused("The card is gone.", code="card_removed")
    payment = gateway.open_payment(
        key=row.public_id,
        customer_id=customer_of(row.account, now=now),
        method_id=row.card.method_id,
        amount=row.amount,
        account=row.account.auth_id,
    )
    first = Recharge.unscoped.filter(pk=row.pk, intent_id="").update(intent_id=payment.intent_id)
    if not first:
        # Another worker was faster: its payment is the one.
        row.refresh_from_db(fields=["intent_id"])
        return gateway.find_payment(row.intent_id)
    return payment


def customer_of(account: Account, *, now: datetime) -> str:
    """Return the account's id at Stripe; the first call makes it."""
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        row = PaymentCustomer.objects.of(account).first()
        if row is None:
            row = PaymentCustomer.objects.create(account=account, made_at=now)
    if not row.customer_id:
        made = gateway.open_customer(key=row.public_id, name=account.name, reference=account.auth_id)
        PaymentCustomer.objects.of(account).filter(customer_id="").update(customer_id=made)
        row.refresh_from_db()
    return str(row.customer_id)


@transaction.atomic
def settle_payment(*, payment: Payment, now: datetime) -> Recharge | None:
    """Write down what became of a payment, once; None when it is none of ours.

    Whoever asks, in whatever order: money that came in counts, also after a recharge was given up.

    :raises PaymentMismatch: if amount, currency or customer are not those of the recharge
    """
    row = _row_of(payment)
    if row is None or row.state == State.SUCCEEDED:
        return row
    _check(row, payment)
    if not row.intent_id:
        # Stripe told us before the answer was stored.
        row.intent_id = payment.intent_id
        row.save(update_fields=["intent_id"])
    if payment.status == "succeeded":
        _succeed(row, now)
    elif row.is_open:
        _follow(row, payment, now)
    return row


def _row_of(payment: Payment) -> Recharge | None:
    rows = Recharge.unscoped.select_for_update(of=("self",)).select_related("account", "card", "asked_by")
    found = rows.filter(intent_id=payment.intent_id).first()
    if found is None and (public_id := _uuid(payment.reference)):
        found = rows.filter(public_id=public_id, intent_id="").first()
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _check(row: Recharge, payment: Payment) -> None:
    customer = PaymentCustomer.objects.of(row.account).values_list("customer_id", flat=True).first()
    facts = (payment.amount, payment.currency, payment.reference, payment.customer_id)
    is_short = payment.status == "succeeded" and payment.received != row.amount
    if facts != (row.amount, "usd", str(row.public_id), customer) or is_short:
        raise PaymentMismatch("The payment is not what was asked for.")


def _succeed(row: Recharge, now: datetime) -> None:
    entry = post_entry(
        account=row.account,
        kind=LedgerEntry.Kind.RECHARGE,
        amount=row.amount,
        key=row.key,
        now=now,
        note=str(row.card) if row.card else "Card",
        cause=row.key,
    )
    _close(row, State.SUCCEEDED, "", now)
    facts: dict[str, Any] = {"amount": str(row.amount), "balance": str(entry.balance_after)}
    record(EventKind.RECHARGE_SUCCEEDED, actor=Actor.system(row.account), target=row, at=now, **facts)


def _follow(row: Recharge, payment: Payment, now: datetime) -> None:
    if payment.status == "requires_action" and not row.is_automatic:
        row.state, row.check_at = State.NEEDS_ACTION, now + _WAIT
        row.save(update_fields=["state", "check_at"])
    elif payment.status in _WAITING:
        row.check_at = _later(row, now)
        row.save(update_fields=["check_at"])
    elif payment.status == "canceled":
        _close(row, State.CANCELED, "not_confirmed", now)
        _tell_failure(row, now)
    else:
        _close(row, State.FAILED, payment.error_code or "authentication_required", now)
        _tell_failure(row, now)


def _close(row: Recharge, state: str, failure: str, now: datetime) -> None:
    row.state, row.failure, row.settled_at, row.check_at = state, failure, now, None
    row.save(update_fields=["state", "failure", "settled_at", "check_at"])


def _tell_failure(row: Recharge, now: datetime) -> None:
    if row.is_automatic:
        _rest(row, now)
    facts: dict[str, Any] = {"amount": str(row.amount), "reason": row.failure}
    record(EventKind.RECHARGE_FAILED, actor=Actor.system(row.account), target=row, at=now, **facts)


def _rest(row: Recharge, now: datetime) -> None:
    """Let auto-recharge wait for an hour: a declined card is declined again."""
    rest = {"rests_until": now + recharge_rules.DECLINED_REST, "rest_reason": AutoRecharge.Rest.DECLINED}
    AutoRecharge.objects.of(row.account).update(**rest)


@transaction.atomic
def _fail(row: Recharge, code: str, now: datetime) -> None:
    locked = Recharge.unscoped.select_for_update(of=("self",)).select_related("account").get(pk=row.pk)
    if locked.is_open:
        _close(locked, State.FAILED, code, now)
        _tell_failure(locked, now)


def _later(row: Recharge, now: datetime) -> datetime:
    return now + timedelta(seconds=min(_LONGEST, max(_SHORTEST, 2 ** min(row.looks, 10))))


def _look_later(row: Recharge, error: GatewayDown, now: datetime) -> None:
    Recharge.unscoped.filter(pk=row.pk, state__in=Recharge.OPEN).update(check_at=_later(row, now))
    _log.warning("recharge waits", extra={"recharge": str(row.public_id), "reason": error.code})
