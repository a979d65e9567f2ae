"""Each fall below an amount is told once, of the deepest amount, and told to be over once."""

import random
import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.utils import timezone

from billing import services
from billing.models import AlertRecipient, AlertThreshold, Balance, BalanceAlert, LedgerEntry
from billing.queries.alerts import Runway, runway_of
from billing.services.alert_sweep import mark_bounces, sweep_alerts
from billing.services.charging import Charge, charge_all
from console.core.models import OutgoingMail
from teams.roles import Role
from tests.factories import make_account, make_member, make_user
from tests.work import do_work, mails_to


def _move(account, amount, kind=""):
    kind = kind or ("adjustment" if Decimal(amount) > 0 else "usage")
    key = f"move:{random.random()}"
    services.post_entry(account=account, kind=kind, amount=Decimal(amount), key=key, now=timezone.now())


def _recharge(account, amount):
    _move(account, amount, kind="recharge")


def _told(account):
    return [(row.kind, row.amount) for row in BalanceAlert.objects.of(account).order_by("id")]


@pytest.fixture
def account(db):
    account = make_account(owner=make_user("owner@halyard.example"))
    _recharge(account, "500")
    return account


def test_fall_is_told_once_and_armed_ten_percent_above(account):
    _move(account, "-251")
    _move(account, "-5")
    _move(account, "20")  # 264: above the amount, not by 10 %
    _move(account, "-20")
    assert _told(account) == [("fell", 250)]
    _move(account, "31")  # 275
    assert _told(account)[1:] == [("recovered", 250)]
    _move(account, "-30")
    assert _told(account)[2:] == [("fell", 250)]


def test_deepest_amount_is_told_and_the_highest_is_over(account):
    _move(account, "-495")
    assert _told(account) == [("fell", 10)]
    assert AlertThreshold.objects.of(account).filter(state="fired").count() == 3
    _recharge(account, "95")  # exactly 100
    assert _told(account)[1:] == [("recovered", 100)]
    states = dict(AlertThreshold.objects.of(account).values_list("amount", "state"))
    assert states == {250: "fired", 100: "armed", 10: "armed"}


def test_nothing_is_told_about_amounts_that_were_never_reached(db):
    account = make_account()
    _recharge(account, "50")
    _move(account, "-30")
    assert _told(account) == []
    _recharge(account, "300")
    assert _told(account) == []


def test_amount_itself_is_not_below(account):
    _move(account, "-250")
    assert _told(account) == []
    _move(account, "-0.00001")
    assert _told(account) == [("fell", 250)]


def test_batch_of_charges_tells_each_account_once_in_one_more_query(account, django_assert_num_queries):
    other = make_account()
    _recharge(other, "1000")
    charges = [
        Charge(pk, None, "usage", "call", Decimal(130), "", f"batch:{turn}")
        for pk in (account.pk, other.pk)
        for turn in (1, 2)
    ]
    with transaction.atomic():
        charge_all(charges=charges, now=timezone.now())
    assert (_told(account), _told(other)) == ([("fell", 250)], [])
    with transaction.atomic(), django_assert_num_queries(4):  # balances, entries, move, thresholds
        charge_all(charges=[Charge(other.pk, None, "usage", "call", Decimal(1), "", "x")], now=timezone.now())


def test_rolled_back_movement_tells_nothing(account):
    with transaction.atomic():
        _move(account, "-450")
        transaction.set_rollback(True)
    assert _told(account) == []
    _move(account, "-450")
    assert _told(account) == [("fell", 100)]


def test_eight_writers_cross_once(transactional_db):
    account = make_account()
    _recharge(account, "500")

    def write():
        for _ in range(5):
            _move(account, "-10")
        connection.close()

    writers = [threading.Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(_told(account)) == [("fell", 250)]


def test_mail_goes_once_to_owner_and_analyst_and_confirmed_addresses(account):
    make_member(account, role=Role.ANALYST, user=make_user("analyst@halyard.example"))
    make_member(account, role=Role.ADMIN, user=make_user("admin@halyard.example"))
    now = timezone.now()
    for email, confirmed in (("desk@halyard.example", now), ("new@halyard.example", None)):
        AlertRecipient.objects.create(account=account, email=email, confirmed_at=confirmed)
    _move(account, "-300")
    do_work()
    (mail,) = mails_to("owner@halyard.example")
    assert mail.subject == "The balance of Halyard Logistics is below $250"
    assert "$200.00" in mail.body
    assert "rises above $275" in mail.body
    assert len(mails_to("analyst@halyard.example")) == len(mails_to("desk@halyard.example")) == 1
    assert mails_to("admin@halyard.example") == mails_to("new@halyard.example") == []
    assert BalanceAlert.objects.of(account).get().mails == 3
    _recharge(account, "300")
    assert [mail.subject for mail in mails_to("owner@halyard.example")][1:] == [
        "The balance of Halyard Logistics is back at $250 or more"
    ]


def test_sweep_puts_right_what_was_missed_and_nothing_twice(account):
    quiet = make_account()
    _recharge(quiet, "500")
    _move(account, "-300")
    # As if the movement had not looked: the amount is armed, nothing was told.
    BalanceAlert.objects.of(account).delete()
    AlertThreshold.objects.of(account).update(state="armed", fired_at=None)
    now = timezone.now()
    assert sweep_alerts(now=now) == 1
    assert _told(account) == [("fell", 250)]
    assert sweep_alerts(now=now) == 0
    assert (len(_told(account)), _told(quiet)) == (1, [])


def test_sweep_reads_the_ledger_from_where_the_one_before_the_last_ended(account):
    now = timezone.now()
    assert [sweep_alerts(now=now) for _ in range(3)] == [0, 0, 0]
    AlertThreshold.objects.of(account).delete()
    assert sweep_alerts(now=now) == 0  # the account did not move
    LedgerEntry.objects.of(account).get()
    _move(account, "-1")
    AlertThreshold.objects.of(account).delete()
    assert sweep_alerts(now=now) == 1
    assert set(AlertThreshold.objects.of(account).values_list("state", flat=True)) == {"armed"}


def test_new_built_in_amount_counts_from_the_next_look(account, settings):
    settings.CONSOLE_ALERT_AMOUNTS = [Decimal(400)]
    sweep_alerts(now=timezone.now())
    _move(account, "-300")
    assert _told(account) == [("fell", 400)]


def test_any_walk_tells_what_a_plain_reading_of_the_rules_tells(db):
    account, rng = make_account(), random.Random(4)
    told, fired, heard = [], dict.fromkeys((250, 100, 10), False), set()
    left = Decimal(500)
    _recharge(account, left)
    for _ in range(120):
        step = Decimal(rng.choice([-180, -60, -60, -7, 5, 40, 90, 150]))
        is_recharge = step > 0 and rng.random() < 0.5
        left += step
        _move(account, step, kind="recharge" if is_recharge else "")
        fell = [amount for amount in fired if not fired[amount] and left < amount]
        rose = [
            amount
            for amount in fired
            if fired[amount] and left >= amount * (1 if is_recharge else Decimal("1.1"))
        ]
        for amount in fell:
            fired[amount] = True
        over = [amount for amount in rose if amount in heard]
        for amount in rose:
            fired[amount] = False
        heard = (heard - set(rose)) | set(fell)
        told += [("fell", min(fell))] if fell else []
        told += [("recovered", max(over))] if over else []
    assert Balance.objects.get(account=account).amount == left
    assert _told(account) == told
    assert len(told) > 10


def test_refused_mail_marks_the_address_and_stops_mails_to_it(account):
    now = timezone.now()
    row = AlertRecipient.objects.create(account=account, email="gone@halyard.example", confirmed_at=now)
    _move(account, "-300")
    do_work(rounds=1)
    mail = OutgoingMail.objects.get(to="gone@halyard.example")
    row.refresh_from_db()
    assert row.mail_id == mail.pk
    OutgoingMail.objects.filter(pk=mail.pk).update(
        done_at=None, failed_at=now, last_error="SMTPRecipientsRefused"
    )
    assert (mark_bounces(now=now), mark_bounces(now=now)) == (1, 0)
    row.refresh_from_db()
    assert (row.bounced_at, row.mail_id) == (now, None)
    _move(account, "-110")
    do_work()
    assert OutgoingMail.objects.filter(to="gone@halyard.example").count() == 1


@pytest.mark.parametrize(
    ("balance", "pace", "text"),
    [
        ("412.86", "45.10", "About 9 days left"),
        ("1.99", "1", "About 1 day left"),
        ("0.5", "1", "Less than a day left"),
        ("-3", "1", "Nothing left"),
        ("5000", "1", "More than a year left"),
        ("10", "0", ""),
    ],
)
def test_runway_is_said_in_words(balance, pace, text):
    assert Runway(Decimal(balance), Decimal(pace)).text == text


def test_pace_is_that_of_the_seven_days_before_today(db):
    account, now = make_account(), timezone.now()
    for days, amount in ((0, "-99"), (1, "-7"), (7, "-7"), (8, "-99"), (3, "500")):
        kind = "usage" if amount.startswith("-") else "recharge"
        at = now - timedelta(days=days)
        services.post_entry(account=account, kind=kind, amount=Decimal(amount), key=f"d{days}", now=at)
    runway = runway_of(account, today=timezone.localdate(now))
    assert (runway.pace, runway.text) == (2, "About 144 days left")
    today = timezone.localdate(now)
    assert runway.reaches(Decimal(280), today=today) == today + timedelta(days=4)
    assert runway.reaches(Decimal(300), today=today) is None
