"""Save cards, choose the default one, and remove them here and at Stripe."""

import uuid
from datetime import datetime
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.models import Account
from billing import gateway
from billing.gateway import CardFacts, CardSetUp
from billing.models import Card, CardSetup
from billing.services.recharge import customer_of
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record, send_tasks
from console.core.permissions import Permission
from console.core.ratelimit import Limit, spend

TEST_CARDS = {
    "pm_card_visa": "Visa ending 4242, pays",
    "pm_card_chargeCustomerFail": "Visa ending 0341, is declined",
}
_SET_UPS = Limit("card-setup", 20, 3600)


class CardRefused(DomainError):
    """The card can not be saved or used."""

    code = "card_refused"


class NoSuchCard(DomainError):
    """The account has no such card."""

    code = "not_found"


def begin_card(*, actor: Actor, form_id: UUID, now: datetime) -> CardSetup:
    """Begin to save a card; the same form begins once.

    :raises CardRefused: if the account has as many cards as it may
    :raises GatewayOff: if no Stripe key is configured
    :raises GatewayDown: if Stripe gives no answer
    """
    actor.require(Permission.BILLING_MANAGE)
    gateway.require_on()
    account = actor.account
    spend(_SET_UPS, str(account.pk), now=now)
    if Card.objects.of(account).filter(removed_at=None).count() >= settings.CONSOLE_CARDS:
        raise CardRefused(
            f"The account has {settings.CONSOLE_CARDS} cards, as many as it can. Remove one first."
        )
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        public_id = uuid.uuid5(form_id, account.auth_id)
        row: CardSetup | None = CardSetup.objects.of(account).filter(public_id=public_id).first()
        if row is None:
            facts = {"public_id": public_id, "asked_by": actor.user, "made_at": now}
            row = CardSetup.objects.create(account=account, **facts)
    if not row.intent_id:
        opened = gateway.open_set_up(key=row.public_id, customer_id=customer_of(account, now=now))
        CardSetup.objects.of(account).filter(pk=row.pk, intent_id="").update(intent_id=opened.intent_id)
        row.refresh_from_db()
    return row


def finish_card(*, actor: Actor, public_id: UUID, now: datetime, test_card: str = "") -> CardSetup:
    """Ask Stripe what became of a card, and save it if it was confirmed.

    ``test_card`` is one of Stripe's, for development: the browser confirms every other one.

    :raises NoSuchCard: if the account saves no such card
    :raises CardRefused: if Stripe or the bank did not confirm it
    """
    actor.require(Permission.BILLING_MANAGE)
    row: CardSetup | None = CardSetup.objects.of(actor.account).filter(public_id=public_id).first()
    if row is None:
        raise NoSuchCard("There is no such card.")
    if test_card and row.state == CardSetup.State.OPEN:
        _confirm_test(row, test_card)
    saved = save_set_up(intent_id=row.intent_id, now=now)
    if saved is None or saved.card is None:
        raise CardRefused("The card is not confirmed yet.")
    return saved


def _confirm_test(row: CardSetup, test_card: str) -> None:
    if not settings.IS_DEVELOPMENT or not gateway.is_test() or test_card not in TEST_CARDS:
        raise CardRefused("Test cards are for development.")
    try:
        gateway.confirm_set_up(key=row.public_id, intent_id=row.intent_id, method_id=test_card)
    except gateway.GatewayRefused as error:
        raise CardRefused("The bank declined the card. Use another one.") from error


def save_set_up(*, intent_id: str, now: datetime) -> CardSetup | None:
    """Save the card that Stripe has confirmed, once; None when it is none of ours."""
    row = CardSetup.unscoped.select_related("account", "card").filter(intent_id=intent_id).first()
    if not intent_id or row is None or row.state != CardSetup.State.OPEN:
        return row
    found = gateway.find_set_up(intent_id)
    customer_id = customer_of(row.account, now=now)
    if found.status == "canceled":
        CardSetup.unscoped.filter(pk=row.pk).update(state=CardSetup.State.FAILED)
    if found.status != "succeeded":
        return row
    _check(row, found, customer_id)
    facts = gateway.find_card(found.method_id, customer_id=customer_id)
    return _save(row.pk, facts, now)


def _check(row: CardSetup, found: CardSetUp, customer_id: str) -> None:
    if (found.reference, found.customer_id) != (str(row.public_id), customer_id):
        raise CardRefused("The card is another customer's.")


@transaction.atomic
def _save(setup_id: int, facts: CardFacts, now: datetime) -> CardSetup:
    setup = (
        CardSetup.unscoped.select_for_update(of=("self",))
        .select_related("account", "asked_by")
        .get(pk=setup_id)
    )
    if setup.state != CardSetup.State.OPEN:
        return setup
    account = Account.objects.select_for_update(no_key=True).get(pk=setup.account_id)
    is_first = not Card.objects.of(account).filter(removed_at=None).exists()
    card, _ = Card.unscoped.get_or_create(
        method_id=facts.method_id,
        defaults={
            "account": account,
            "brand": facts.brand,
            "last_four": facts.last_four,
            "expires_month": facts.expires_month,
            "expires_year": facts.expires_year,
            "is_default": is_first,
            "added_by": setup.asked_by,
            "added_at": now,
        },
    )
    setup.card, setup.state = card, CardSetup.State.SAVED
    setup.save(update_fields=["card", "state"])
    actor = Actor(user=setup.asked_by, account=account) if setup.asked_by else Actor.system(account)
    record(EventKind.CARD_ADDED, actor=actor, target=card, account=account, at=now, card=str(card))
    return setup


@transaction.atomic
def make_default(*, actor: Actor, public_id: UUID, now: datetime) -> Card:
    """Make a card the one that is offered first and that recharges by itself.

    :raises NoSuchCard: if the account has none such
    """
    actor.require(Permission.BILLING_MANAGE)
    account, card = _locked(actor, public_id)
    if not card.is_default:
        Card.objects.of(account).filter(is_default=True).update(is_default=False)
        card.is_default = True
        card.save(update_fields=["is_default"])
        facts = {"card": str(card)}
        record(EventKind.CARD_MADE_DEFAULT, actor=actor, target=card, account=account, at=now, **facts)
    return card


@transaction.atomic
def remove_card(*, actor: Actor, public_id: UUID, now: datetime) -> Card:
    """Remove a card here, and at Stripe as soon as it answers.

    :raises NoSuchCard: if the account has none such
    """
    actor.require(Permission.BILLING_MANAGE)
    account, card = _locked(actor, public_id)
    _remove(account, card, actor, now)
    return card


@transaction.atomic
def drop_card(*, card_id: int, now: datetime) -> None:
    """Remove a card that Stripe does not have any more."""
    card = Card.unscoped.select_related("account").get(pk=card_id)
    account = Account.objects.select_for_update(no_key=True).get(pk=card.account_id)
    card.refresh_from_db()
    if card.removed_at is None:
        _remove(account, card, Actor.system(account), now)


def _locked(actor: Actor, public_id: UUID) -> tuple[Account, Card]:
    account = Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)
    card: Card | None = Card.objects.of(account).filter(public_id=public_id, removed_at=None).first()
    if card is None:
        raise NoSuchCard("There is no such card.")
    return account, card


def _remove(account: Account, card: Card, actor: Actor, now: datetime) -> None:
    was_default, card.is_default, card.removed_at = card.is_default, False, now
    card.save(update_fields=["is_default", "removed_at"])
    newest = Card.objects.of(account).filter(removed_at=None).order_by("-added_at").first()
    if was_default and newest is not None:
        newest.is_default = True
        newest.save(update_fields=["is_default"])
    record(EventKind.CARD_REMOVED, actor=actor, target=card, account=account, at=now, card=str(card))
    call = ("billing.forget_card", {"card_id": card.pk})
    transaction.on_commit(partial(send_tasks, [call]), robust=True)


def forget_card(*, card_id: int, now: datetime) -> None:
    """Take a removed card from the customer at Stripe; a sweep tries again what failed."""
    card = Card.unscoped.filter(pk=card_id, removed_at__isnull=False, forgotten_at=None).first()
    if card is not None:
        gateway.forget_card(card.method_id)
        Card.unscoped.filter(pk=card_id).update(forgotten_at=now)
