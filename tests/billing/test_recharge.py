"""Money that comes in by card: one charge and one entry, whatever fails in between and whoever tells us."""

import time
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from billing import gateway
from billing.models import Recharge, StripeEvent
from billing.services import recharge as services
from billing.services.stripe_events import forget_stripe_events, handle_stripe_event
from console.core.access import AccessRefused
from console.core.models import AuditEvent
from tests.billing.card_steps import actor_of, add_credit, notice, save_card, taken, tell
from tests.billing.stripe_peer import ASKS_BANK, DECLINED, faults, stripe_peer
from tests.security.at_once import at_once
from tests.work import mails_to

__all__ = ["stripe_peer"]
pytestmark = pytest.mark.usefixtures("stripe_peer")


@pytest.fixture
def owner(cast):
    return actor_of(cast.account, cast.owner)


def _drive(row, *, later=timedelta(minutes=15)):
    now = timezone.now() + later
    services.drive_recharge(recharge_id=row.pk, now=now)
    row.refresh_from_db()
    return row


def test_recharge_charges_once_and_mails_a_receipt(cast, owner, stripe_peer):
    card, form_id = save_card(stripe_peer, owner), uuid.uuid4()
    row = add_credit(owner, card, "50.25", form_id=form_id)
    again = add_credit(owner, card, "50.25", form_id=form_id)
    assert again.pk == row.pk
    assert row.state == "succeeded"
    assert row.settled_at
    assert row.check_at is None
    assert taken(cast.account) == [Decimal("50.25")]
    assert [charge["amount"] for charge in stripe_peer.charges()] == [5025]
    receipts = [mail for mail in mails_to(cast.owner.email) if "Receipt" in mail.subject]
    assert len(receipts) == 1
    assert "$50.25" in receipts[0].body
    assert "Visa ending 4242" in receipts[0].body
    kinds = (
        AuditEvent.objects.filter(kind__startswith="recharge:").order_by("id").values_list("kind", flat=True)
    )
    assert list(kinds) == ["recharge:asked", "recharge:succeeded"]


def test_amounts_cards_and_rights_are_checked_before_stripe_hears_of_it(cast, owner, stripe_peer):
    card = save_card(stripe_peer, owner)
    for amount in ("9.99", "10000.01"):
        with pytest.raises(services.RechargeRefused):
            add_credit(owner, card, amount)
    outsider = actor_of(cast.other_account, cast.outsider)
    with pytest.raises(services.RechargeRefused):
        add_credit(outsider, card)
    with pytest.raises(AccessRefused):
        add_credit(actor_of(cast.account, cast.developer), card)
    assert Recharge.unscoped.count() == 0


def test_without_a_key_nothing_is_asked(cast, owner, stripe_peer, settings):
    card = save_card(stripe_peer, owner)
    settings.STRIPE_SECRET_KEY = ""
    with pytest.raises(gateway.GatewayOff):
        add_credit(owner, card)


def test_declined_card_fails_with_its_reason_and_is_not_tried_again(cast, owner, stripe_peer):
    row = add_credit(owner, save_card(stripe_peer, owner, DECLINED))
    assert (row.state, row.failure, row.reason) == ("failed", "card_declined", "the bank declined the card")
    assert _drive(row).state == "failed"
    assert taken(cast.account) == []
    assert "did not go through" in mails_to(cast.owner.email)[-1].body


def test_bank_that_asks_is_answered_and_the_server_looks_for_itself(cast, owner, stripe_peer):
    row = add_credit(owner, save_card(stripe_peer, owner, ASKS_BANK))
    assert row.state == "needs-action"
    secret = gateway.find_payment(row.intent_id).client_secret
    path = f"/v1/payment_intents/{row.intent_id}/_authenticate"
    stripe_peer.post(path, client_secret=secret, success="true")
    assert taken(cast.account) == []
    assert _drive(row).state == "succeeded"
    assert taken(cast.account) == [Decimal(50)]


def test_bank_that_is_never_answered_ends_after_a_day(cast, owner, stripe_peer):
    row = add_credit(owner, save_card(stripe_peer, owner, ASKS_BANK))
    row = _drive(row, later=timedelta(hours=25))
    assert (row.state, row.failure) == ("canceled", "not_confirmed")
    assert gateway.find_payment(row.intent_id).status == "canceled"


@pytest.mark.parametrize(
    "plan",
    [
        {"/confirm": ["cut", "cut"]},  # charged, and the answer is lost, twice
        {"/payment_intents": ["cut", "cut"]},
        {"/confirm": [500, 500]},
        {"/payment_intents": [429]},
    ],
)
def test_lost_answers_and_refusals_end_in_one_charge(cast, owner, stripe_peer, settings, plan):
    card = save_card(stripe_peer, owner)
    with faults(settings) as proxy:
        proxy.plan = plan
        row = add_credit(owner, card)
        assert row.state == "requested"
        assert _drive(row).state == "succeeded"
    assert taken(cast.account) == [Decimal(50)]
    assert len(stripe_peer.charges()) == 1
    keys = {headers.get("Idempotency-Key") for verb, path, headers, _ in proxy.asked if verb == "POST"}
    assert keys == {f"payment:{row.public_id}", f"confirm:{row.public_id}"}


def test_crash_between_the_answer_and_our_commit(cast, owner, stripe_peer, monkeypatch):
    card = save_card(stripe_peer, owner)

    def die(**_):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(services, "settle_payment", die)
        with pytest.raises(SystemExit):
            add_credit(owner, card)
    row = Recharge.objects.of(cast.account).get()
    assert row.state == "requested"
    assert len(stripe_peer.charges()) == 1
    assert _drive(row, later=timedelta(seconds=10)).state == "requested"  # the dead worker's time is not over
    assert _drive(row).state == "succeeded"
    assert taken(cast.account) == [Decimal(50)]
    assert len(stripe_peer.charges()) == 1


def test_webhook_before_our_own_commit_posts_once(cast, owner, stripe_peer, settings, monkeypatch):
    card, confirm = save_card(stripe_peer, owner), gateway.confirm_payment

    def confirm_and_tell(**facts):
        payment = confirm(**facts)
        tell(settings, notice(payment.intent_id))
        handle_stripe_event(event_id=StripeEvent.objects.get().pk, now=timezone.now())
        assert taken(cast.account) == [Decimal(50)]
        return payment

    monkeypatch.setattr(gateway, "confirm_payment", confirm_and_tell)
    assert add_credit(owner, card).state == "succeeded"
    assert taken(cast.account) == [Decimal(50)]


def test_webhook_finds_the_row_by_its_own_id(cast, owner, stripe_peer, settings, monkeypatch):
    card = save_card(stripe_peer, owner)

    def lose(row, now):
        payment = opened(row, now)
        Recharge.unscoped.filter(pk=row.pk).update(intent_id="")
        gateway.confirm_payment(key=row.public_id, intent_id=payment.intent_id, is_automatic=False)
        raise gateway.GatewayDown("gone")

    opened = services._open
    monkeypatch.setattr(services, "_open", lose)
    row = add_credit(owner, card)
    assert (row.state, row.intent_id) == ("requested", "")
    intent = stripe_peer.charges()[0]["payment_intent"]
    tell(settings, notice(intent))
    handle_stripe_event(event_id=StripeEvent.objects.get().pk, now=timezone.now())
    row.refresh_from_db()
    assert (row.state, row.intent_id) == ("succeeded", intent)
    assert taken(cast.account) == [Decimal(50)]


def test_webhooks_repeat_and_come_in_any_order(cast, owner, stripe_peer, settings):
    row = add_credit(owner, save_card(stripe_peer, owner))
    event = notice(row.intent_id)
    for each in (event, event, notice(row.intent_id, "payment_intent.payment_failed"), notice("pi_unknown")):
        assert tell(settings, each).status_code == 200
    assert StripeEvent.objects.count() == 3
    for stored in StripeEvent.objects.order_by("-id"):
        handle_stripe_event(event_id=stored.pk, now=timezone.now())
    assert taken(cast.account) == [Decimal(50)]
    states = {
        each.object_id: (each.done_at is not None, each.last_error) for each in StripeEvent.objects.all()
    }
    assert states == {row.intent_id: (True, ""), "pi_unknown": (False, "not_found")}


def test_event_waits_while_stripe_is_down_and_is_forgotten_when_old(cast, stripe_peer, settings):
    tell(settings, notice("pi_unknown"))
    stored = StripeEvent.objects.get()
    with faults(settings) as proxy:
        proxy.plan = {"/pi_unknown": [500, 500]}
        handle_stripe_event(event_id=stored.pk, now=timezone.now())
    stored.refresh_from_db()
    assert (stored.failed_at, stored.last_error) == (None, "payments_down")
    assert forget_stripe_events(now=timezone.now() + timedelta(days=61)) == 0
    handle_stripe_event(event_id=stored.pk, now=timezone.now() + timedelta(hours=1))
    assert forget_stripe_events(now=timezone.now() + timedelta(days=61)) == 1


def test_unsigned_old_and_foreign_webhooks_are_refused(cast, settings, client):
    event = notice("pi_1")
    assert tell(settings, event, secret="whsec_other").status_code == 400
    assert tell(settings, event, at=int(time.time()) - 600).status_code == 400
    for body in ("", "{}", "\x00", "[1]"):
        answer = client.post("/billing/stripe/webhook/", body, content_type="application/json")
        assert answer.status_code == 400
    assert client.get("/billing/stripe/webhook/").status_code == 405
    settings.STRIPE_WEBHOOK_SECRET = ""
    assert tell(settings, event, secret="x").status_code == 400
    assert not StripeEvent.objects.exists()


def test_payment_of_another_amount_is_not_credited(cast, owner, stripe_peer, monkeypatch):
    row = add_credit(owner, save_card(stripe_peer, owner, ASKS_BANK))
    found = gateway.find_payment(row.intent_id)
    for change in (
        {"amount": Decimal(500)},
        {"currency": "jpy"},
        {"customer_id": "cus_x"},
        {"received": Decimal(5)},
    ):
        facts = {name: getattr(found, name) for name in found.__slots__}
        payment = gateway.Payment(**facts | {"status": "succeeded", "received": found.amount} | change)
        with pytest.raises(services.PaymentMismatch):
            services.settle_payment(payment=payment, now=timezone.now())
    assert taken(cast.account) == []


def test_money_that_comes_after_the_end_counts_and_what_was_paid_stays_paid(cast, owner, stripe_peer):
    row = add_credit(owner, save_card(stripe_peer, owner, DECLINED))
    found = gateway.find_payment(row.intent_id)
    facts = {name: getattr(found, name) for name in found.__slots__}
    paid = gateway.Payment(**facts | {"status": "succeeded", "received": row.amount})
    assert services.settle_payment(payment=paid, now=timezone.now()).state == "succeeded"
    assert services.settle_payment(payment=found, now=timezone.now()).state == "succeeded"
    assert taken(cast.account) == [Decimal(50)]
    with connection.cursor() as cursor, pytest.raises(IntegrityError), transaction.atomic():
        cursor.execute("UPDATE billing_recharge SET state = 'failed'")


@pytest.mark.django_db(transaction=True)
def test_two_clicks_and_two_workers_at_once(cast, stripe_peer):
    owner = actor_of(cast.account, cast.owner)
    card, form_id = save_card(stripe_peer, owner), uuid.uuid4()
    rows = at_once(*[lambda: add_credit(owner, card, form_id=form_id)] * 3)
    assert len({row.pk for row in rows}) == 1
    row = Recharge.objects.of(cast.account).get()
    assert row.state == "succeeded"
    payment = gateway.find_payment(row.intent_id)
    at_once(*[lambda: services.settle_payment(payment=payment, now=timezone.now())] * 3)
    assert taken(cast.account) == [Decimal(50)]
    assert len(stripe_peer.charges()) == 1
