"""Payment Settings: cards, credit, and pages that say what is the matter."""

import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from billing import gateway
from billing.models import Card, CardSetup, Recharge, StripeEvent
from billing.services import cards as services
from billing.services.stripe_events import handle_stripe_event
from billing.tasks.cards import drive_recharges, forget_card
from tests.billing.card_steps import actor_of, add_credit, any_card, notice, save_card, taken, tell
from tests.billing.stripe_peer import ASKS_BANK, faults, stripe_peer
from tests.security.at_once import at_once

__all__ = ["stripe_peer"]


def _url(cast, name, **more):
    return reverse(f"billing:{name}", kwargs={"account": cast.account.auth_id, **more})


@pytest.fixture
def owner(cast):
    return actor_of(cast.account, cast.owner)


@pytest.fixture
def page(client, cast):
    return cast.sign_in(client, "owner")


def test_pages_say_that_no_key_is_there(page, cast, settings):
    settings.STRIPE_SECRET_KEY = ""
    answer = page.get(_url(cast, "payments"))
    assert "This console has no key for Stripe" in answer.content.decode()
    assert "Add card" not in answer.content.decode()
    answer = page.post(_url(cast, "card_add"), {"form_id": uuid.uuid4()}, follow=True)
    assert "Cards can not be used" in answer.content.decode()
    assert not CardSetup.unscoped.exists()


def test_card_is_saved_and_credit_is_added_on_pages(page, cast, stripe_peer):
    begun = page.post(_url(cast, "card_add"), {"form_id": uuid.uuid4()})
    setup = CardSetup.objects.of(cast.account).get()
    assert begun.url == _url(cast, "card_setup", public_id=setup.public_id)
    shown = page.get(begun.url)
    policy = shown.headers["Content-Security-Policy"]
    assert f"script-src 'self' {stripe_peer.url};" in policy
    assert stripe_peer.url not in page.get(_url(cast, "payments")).headers["Content-Security-Policy"]
    finish = _url(cast, "card_finish", public_id=setup.public_id)
    refused = page.post(finish)
    assert refused.status_code == 422
    assert "The card is not confirmed yet." in refused.content.decode()
    assert page.post(finish, {"test_card": "pm_x"}).status_code == 422
    assert page.post(finish, {"test_card": "pm_card_visa"}, follow=True).status_code == 200
    page.post(finish, {"test_card": "pm_card_visa"})
    card = Card.objects.of(cast.account).get()
    assert card.is_default
    form = {"amount": "100", "other": "75.50", "card": card.public_id, "form_id": uuid.uuid4()}
    for _ in range(2):
        answer = page.post(_url(cast, "recharge_add"), form, follow=True)
    assert "Receipt" in answer.content.decode()
    assert "$75.50" in answer.content.decode()
    assert [str(amount) for amount in taken(cast.account)] == ["75.50000"]
    assert "Paid" in page.get(_url(cast, "payments")).content.decode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"other": "5"}, "Add between $10 and $10,000"),
        ({"other": "1e9"}, "Ensure that there are no more than"),
        ({"other": "\x00"}, "Enter an amount"),
        ({"amount": "", "other": ""}, "Choose an amount"),
        ({"card": uuid.uuid4()}, "Select a valid choice"),
        ({"form_id": ""}, "required"),
    ],
)
def test_forms_that_do_not_fit_are_refused(page, cast, owner, stripe_peer, change, words):
    card = save_card(stripe_peer, owner)
    form = {"amount": "100", "card": card.public_id, "form_id": uuid.uuid4()} | change
    answer = page.post(_url(cast, "recharge_add"), form)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Recharge.unscoped.exists()


def test_question_of_the_bank_is_shown_and_its_answer_asked_for(page, cast, owner, stripe_peer):
    row = add_credit(owner, save_card(stripe_peer, owner, ASKS_BANK))
    url = _url(cast, "recharge", public_id=row.public_id)
    content = page.get(url).content.decode()
    assert "Your bank asks you to confirm" in content
    secret = content.split('data-secret="')[1].split('"')[0]
    path = f"/v1/payment_intents/{row.intent_id}/_authenticate"
    check = _url(cast, "recharge_check", public_id=row.public_id)
    assert "Your bank asks" in page.post(check, follow=True).content.decode()
    stripe_peer.post(path, client_secret=secret, success="true")
    assert "Receipt" in page.post(check, follow=True).content.decode()
    assert len(taken(cast.account)) == 1


def test_page_says_when_stripe_is_away(page, cast, owner, stripe_peer, settings):
    row = add_credit(owner, save_card(stripe_peer, owner, ASKS_BANK))
    with faults(settings) as proxy:
        proxy.plan = {row.intent_id: [500, 500]}
        content = page.get(_url(cast, "recharge", public_id=row.public_id)).content.decode()
    assert "Stripe does not answer now." in content


def test_default_card_moves_and_a_removed_one_is_forgotten_at_stripe(
    page, cast, owner, stripe_peer, settings
):
    first, second = save_card(stripe_peer, owner), save_card(stripe_peer, owner)
    page.post(_url(cast, "card_default", public_id=second.public_id))
    assert [card.pk for card in any_card(cast.account) if card.is_default] == [second.pk]
    remove = _url(cast, "card_remove", public_id=second.public_id)
    assert "Remove this card?" in page.get(remove).content.decode()
    assert page.post(remove).status_code == 302
    assert page.post(remove).status_code == 404
    assert [(card.pk, card.is_default) for card in any_card(cast.account)] == [(first.pk, True)]
    with faults(settings) as proxy:
        proxy.plan = {"/detach": [500, 500]}
        forget_card(card_id=second.pk)
        second.refresh_from_db()
        assert second.forgotten_at is None
    forget_card(card_id=second.pk)
    second.refresh_from_db()
    assert second.forgotten_at
    assert stripe_peer.get(f"/v1/payment_methods/{second.method_id}")["customer"] is None
    with pytest.raises(services.NoSuchCard):
        services.make_default(actor=owner, public_id=second.public_id, now=timezone.now())


def test_card_that_stripe_dropped_is_dropped_here(cast, owner, stripe_peer, settings):
    card = save_card(stripe_peer, owner)
    gateway.forget_card(card.method_id)
    tell(settings, notice(card.method_id, "payment_method.detached"))
    handle_stripe_event(event_id=StripeEvent.objects.get().pk, now=timezone.now())
    assert any_card(cast.account) == []


def test_others_see_and_touch_nothing(client, cast, owner, stripe_peer):
    card = save_card(stripe_peer, owner)
    row = add_credit(owner, card)
    other = reverse("billing:payments", kwargs={"account": cast.other_account.auth_id})
    cast.sign_in(client, "outsider")
    assert client.get(_url(cast, "payments")).status_code == 404
    for part in (f"recharges/{row.public_id}/", f"cards/{card.public_id}/remove/"):
        assert client.get(other + part).status_code == 404
    for part in (f"cards/{card.public_id}/default/", f"recharges/{row.public_id}/check/"):
        assert client.post(other + part).status_code == 404
    cast.sign_in(client, "support")
    assert client.get(_url(cast, "payments")).status_code == 403


def test_page_about_a_compromised_account_shows_payments(page, cast, owner, stripe_peer):
    address = reverse("security:compromise", kwargs={"account": cast.account.auth_id})
    assert "No card was charged" in page.get(address).content.decode()
    add_credit(owner, save_card(stripe_peer, owner))
    content = page.get(address).content.decode()
    assert "$50.00, Visa ending 4242" in content
    assert "by hand, paid" in content


def test_money_acts_ask_for_a_fresh_confirmation(client, cast, owner, stripe_peer):
    card = save_card(stripe_peer, owner)
    cast.sign_in(client, "owner", confirmed=False)
    form = {"amount": "100", "card": card.public_id, "form_id": uuid.uuid4()}
    assert client.post(_url(cast, "recharge_add"), form).status_code in {302, 303, 403}
    client.post(_url(cast, "card_remove", public_id=card.public_id))
    assert any_card(cast.account) == [card]
    assert not Recharge.unscoped.exists()


def test_cards_are_limited_and_sweeps_hand_out_what_is_due(cast, owner, stripe_peer, settings, monkeypatch):
    settings.CONSOLE_CARDS = 1
    save_card(stripe_peer, owner)
    with pytest.raises(services.CardRefused):
        services.begin_card(actor=owner, form_id=uuid.uuid4(), now=timezone.now())
    row = add_credit(owner, any_card(cast.account)[0])
    sent = []
    monkeypatch.setattr("billing.tasks.cards.send_tasks", sent.extend)
    drive_recharges()
    assert sent == []
    late = timezone.now() - timedelta(hours=1)
    Card.unscoped.update(removed_at=late, is_default=False)
    copied = Recharge.unscoped.create(account=cast.account, amount=10, check_at=late)
    drive_recharges()
    assert [name for name, _ in sent] == ["billing.drive_recharge", "billing.forget_card"]
    assert sent[0][1] == {"recharge_id": copied.pk}
    assert row.state == "succeeded"


@pytest.mark.django_db(transaction=True)
def test_same_confirmed_card_is_saved_once_by_page_and_webhook_together(cast, stripe_peer):
    owner, now = actor_of(cast.account, cast.owner), timezone.now()
    setup = services.begin_card(actor=owner, form_id=uuid.uuid4(), now=now)
    path = f"/v1/setup_intents/{setup.intent_id}/confirm"
    stripe_peer.post(path, payment_method=stripe_peer.method("4242424242424242"))
    at_once(*[lambda: services.save_set_up(intent_id=setup.intent_id, now=now)] * 3)
    assert len(any_card(cast.account)) == 1
