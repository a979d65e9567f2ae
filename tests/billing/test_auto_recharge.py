"""Auto-recharge: charged once when the balance falls, stopped by its brake, its caps and declined cards."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.sessions import SessionStore
from billing.models import AutoRecharge, Recharge
from billing.queries.money import money_of
from billing.recharge_rules import Cap, brakes, passed_cap, periods
from billing.services import auto_recharge as services
from billing.services.ledger import post_entry
from billing.services.recharge import RechargeRefused, drive_recharge
from billing.tasks import cards as tasks
from console.core.models import AuditEvent
from security.services.lockdown import lock_down
from tests.billing.card_steps import actor_of, any_card, save_card, taken
from tests.billing.stripe_peer import ASKS_BANK, DECLINED, stripe_peer
from tests.security.at_once import at_once
from tests.work import mails_to

__all__ = ["stripe_peer"]
WISH = services.Wish(*(Decimal(amount) for amount in (20, 50, 150, 300, 600)))


@pytest.fixture
def owner(cast):
    return actor_of(cast.account, cast.owner)


@pytest.fixture
def rule(cast, owner, stripe_peer):
    """Turn auto-recharge on: below 20 dollars add 50, at most 150 a day, 300 a week, 600 a month."""
    save_card(stripe_peer, owner)
    return services.set_auto_recharge(actor=owner, wish=WISH, now=timezone.now())


def _spend(account, amount):
    now = timezone.now()
    post_entry(account=account, kind="usage", amount=-Decimal(amount), key=f"u:{uuid.uuid4()}", now=now)


def _sweep(*, now=None):
    """Do what the sweep and its tasks do."""
    now = now or timezone.now()
    begun = [services.recharge_if_low(rule_id=pk, now=now) for pk in services.low_rules(now=now, limit=10)]
    for pk in filter(None, begun):
        drive_recharge(recharge_id=pk, now=now)
    return len([pk for pk in begun if pk])


def _kinds():
    rows = AuditEvent.objects.filter(kind__startswith="auto-recharge:").order_by("id")
    return list(rows.values_list("kind", flat=True))


def test_low_balance_is_filled_once_and_a_full_one_left_alone(cast, owner, rule, stripe_peer):
    assert money_of(cast.account).auto_recharge
    assert _sweep() == 1
    assert _sweep() == 0
    assert taken(cast.account) == [Decimal(50)]
    assert Recharge.objects.of(cast.account).get().is_automatic
    _spend(cast.account, 31)
    assert _sweep() == 1
    assert any("by auto-recharge" in mail.body for mail in mails_to(cast.owner.email))


def test_brake_pauses_after_three_and_only_a_person_resumes(cast, owner, rule, stripe_peer):
    for _ in range(5):
        _sweep()
        _spend(cast.account, 45)
    assert len(stripe_peer.charges()) == 3
    rule.refresh_from_db()
    assert rule.pause_reason == "brake"
    assert not money_of(cast.account).auto_recharge
    (mail,) = [mail for mail in mails_to(cast.owner.email) if "is paused" in mail.subject]
    assert "3 times within 10 minutes" in mail.body
    assert _sweep(now=timezone.now() + timedelta(hours=1)) == 0
    services.resume(actor=owner, now=timezone.now())
    services.set_auto_recharge(actor=owner, wish=replace(WISH, day_cap=Decimal(300)), now=timezone.now())
    assert _sweep() == 1
    rule.refresh_from_db()
    assert rule.paused_at is None
    assert _kinds().count("auto-recharge:paused") == 1


def test_cap_lets_it_rest_until_its_period_is_over_and_is_told_once(cast, owner, rule, stripe_peer):
    now = timezone.now()
    for hour in (1, 2, 3):
        at = now - timedelta(minutes=20 * hour)
        Recharge.unscoped.create(
            account=cast.account, amount=50, is_automatic=True, state="succeeded", made_at=at, settled_at=at
        )
    Recharge.unscoped.update(made_at=now.replace(hour=0, minute=0) + timedelta(seconds=1))
    assert (_sweep(), _sweep()) == (0, 0)
    rule.refresh_from_db()
    assert (rule.rest_reason, rule.is_resting(now)) == ("day", True)
    assert rule.rests_until == periods(now, "UTC")[0].ends_at
    assert _kinds().count("auto-recharge:rested") == 1
    assert any("pass the cap of the day" in mail.body for mail in mails_to(cast.owner.email))
    services.set_auto_recharge(actor=owner, wish=replace(WISH, day_cap=Decimal(200)), now=timezone.now())
    assert _sweep() == 1


@pytest.mark.parametrize("number", [DECLINED, ASKS_BANK])
def test_declined_card_lets_it_rest_for_an_hour(cast, owner, stripe_peer, number):
    save_card(stripe_peer, owner, number)
    rule = services.set_auto_recharge(actor=owner, wish=WISH, now=timezone.now())
    assert (_sweep(), _sweep()) == (1, 0)
    rule.refresh_from_db()
    assert rule.rest_reason == "declined"
    assert any("rests for an hour" in mail.body for mail in mails_to(cast.owner.email))
    assert _sweep(now=timezone.now() + timedelta(minutes=61)) == 1
    assert taken(cast.account) == []


def test_without_a_card_it_is_paused_and_without_a_key_it_waits(cast, owner, rule, settings):
    key, settings.STRIPE_SECRET_KEY = settings.STRIPE_SECRET_KEY, ""
    assert _sweep() == 0
    settings.STRIPE_SECRET_KEY = key
    for card in any_card(cast.account):
        card.removed_at, card.is_default = timezone.now(), False
        card.save()
    assert _sweep() == 0
    rule.refresh_from_db()
    assert rule.pause_reason == "no-card"
    with pytest.raises(RechargeRefused):
        services.set_auto_recharge(actor=owner, wish=WISH, now=timezone.now())


def test_lock_down_pauses_it(cast, owner, rule):
    row = lock_down(actor=owner, keep=None, now=timezone.now()).row
    assert row.counts["Auto-recharge paused"] == 1
    rule.refresh_from_db()
    assert rule.pause_reason == "lock-down"
    assert _sweep() == 0


def test_amounts_fit_each_other_in_the_service_and_in_the_database(cast, owner, rule):
    for change in ({"amount": 9}, {"day_cap": 49}, {"week_cap": 149}, {"month_cap": 299}):
        wish = replace(WISH, **{name: Decimal(amount) for name, amount in change.items()})
        with pytest.raises(RechargeRefused):
            services.set_auto_recharge(actor=owner, wish=wish, now=timezone.now())
        if "amount" not in change:
            with pytest.raises(IntegrityError), transaction.atomic():
                AutoRecharge.objects.of(cast.account).update(**change)


def test_page_sets_it_turns_it_off_and_resumes_with_a_second_factor(client, cast, owner, rule):
    cast.sign_in(client, "owner")
    url = reverse("billing:payments", kwargs={"account": cast.account.auth_id})
    form = {"threshold": "30", "amount": "40", "day_cap": "80", "week_cap": "160", "month_cap": "320"}
    content = client.post(f"{url}auto-recharge/", form, follow=True).content.decode()
    assert "Auto-recharge is set." in content
    assert "$0.00 of $320.00 used this month" in content
    refused = client.post(f"{url}auto-recharge/", form | {"day_cap": "20"})
    assert refused.status_code == 422
    assert "A day must hold at least one recharge." in refused.content.decode()
    AutoRecharge.objects.of(cast.account).update(paused_at=timezone.now(), pause_reason="brake")
    assert "Paused by the brake" in client.get(url).content.decode()
    store = SessionStore(client.cookies["session"].value)
    SessionStore.get_model_class().objects.filter(user=cast.owner).update(
        method="password", confirmed_at=None
    )
    assert store.session_key
    client.post(f"{url}auto-recharge/resume/")
    rule.refresh_from_db()
    assert rule.paused_at is not None
    cast.sign_in(client, "owner")
    client.post(f"{url}auto-recharge/resume/")
    client.post(f"{url}auto-recharge/off/")
    rule.refresh_from_db()
    assert (rule.paused_at, rule.is_on) == (None, False)
    assert _sweep() == 0


def test_sweep_hands_out_low_accounts(cast, rule, monkeypatch):
    sent = []
    monkeypatch.setattr(tasks, "send_tasks", sent.extend)
    tasks.drive_recharges()
    assert sent == [("billing.recharge_if_low", {"rule_id": rule.pk})]
    tasks.recharge_if_low(rule_id=rule.pk)
    assert taken(cast.account) == [Decimal(50)]


@pytest.mark.django_db(transaction=True)
def test_workers_together_begin_one_recharge(cast, stripe_peer):
    owner = actor_of(cast.account, cast.owner)
    save_card(stripe_peer, owner)
    rule = services.set_auto_recharge(actor=owner, wish=WISH, now=timezone.now())
    at_once(*[lambda: tasks.recharge_if_low(rule_id=rule.pk)] * 3)
    assert taken(cast.account) == [Decimal(50)]
    assert len(stripe_peer.charges()) == 1


def test_periods_follow_the_accounts_calendar():
    now = datetime(2026, 3, 29, 12, tzinfo=UTC)  # clocks go forward in Amsterdam on that Sunday
    day, week, month = periods(now, "Europe/Amsterdam")
    assert (day.starts_at, day.ends_at - day.starts_at) == (
        datetime(2026, 3, 28, 23, tzinfo=UTC),
        timedelta(days=1),
    )
    assert day.ends_at.astimezone(UTC) == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert week.starts_at.astimezone(UTC) == datetime(2026, 3, 22, 23, tzinfo=UTC)
    assert month.ends_at.astimezone(UTC) == datetime(2026, 3, 31, 22, tzinfo=UTC)


def test_longest_cap_holds_and_the_brake_counts_ten_minutes():
    now = datetime(2026, 11, 4, 12, tzinfo=UTC)
    found = periods(now, "UTC")
    limits = {"day": Decimal(100), "week": Decimal(200), "month": Decimal(300)}
    spent = dict.fromkeys(limits, Decimal(50))
    assert passed_cap(Decimal(50), limits, spent, found) is None
    assert passed_cap(Decimal(51), limits, spent, found).name == "day"
    assert passed_cap(Decimal(500), limits, spent, found) == Cap("month", Decimal(300), found[2].ends_at)
    made = [now - timedelta(minutes=minutes) for minutes in (0, 5, 10, 11)]
    assert brakes(made, now)
    assert not brakes(made[1:], now)
