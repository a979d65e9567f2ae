"""What a subaccount may spend: months, marks that are told once, and stops."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from console.core.access import AccessRefused, Actor
from console.core.events import EventKind
from console.core.models import AuditEvent
from console.core.permissions import Permission
from subaccounts.limit_rules import Standing, month_of, next_month
from subaccounts.models import MonthSpend, SpendLimit
from subaccounts.services import limits, subaccounts
from tests.factories import make_account, make_subaccount
from tests.work import do_work, mails_to

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.fixture
def actor(cast):
    return Actor(user=cast.owner, account=cast.account, rights=frozenset(Permission))


@pytest.fixture
def sub(actor):
    return make_subaccount(actor.account, "Driver app")[0]


def limit(actor, sub, amount=200, *, percent=80, stop="hard", now=NOW):
    amount = None if amount is None else Decimal(amount)
    limits.set_limit(
        actor=actor, auth_id=sub.auth_id, amount=amount, alert_percent=percent, stop=stop, now=now
    )


def spend(sub, amount, *, now=NOW):
    with transaction.atomic():
        limits.note_spend(spent={sub.pk: Decimal(amount)}, now=now)


def told():
    kinds = (EventKind.SUBACCOUNT_LIMIT_NEARING, EventKind.SUBACCOUNT_LIMIT_REACHED)
    return list(AuditEvent.objects.filter(kind__in=kinds).order_by("pk").values_list("kind", flat=True))


def test_each_mark_is_told_once_a_month(actor, sub, cast):
    limit(actor, sub)
    for amount in ("159.99", "0.01", "10", "29.99"):
        spend(sub, amount)
    assert told() == [EventKind.SUBACCOUNT_LIMIT_NEARING]
    assert not limits.is_stopped(sub, now=NOW)
    for _ in range(3):
        spend(sub, "0.01")
    assert told() == [EventKind.SUBACCOUNT_LIMIT_NEARING, EventKind.SUBACCOUNT_LIMIT_REACHED]
    assert limits.is_stopped(sub, now=NOW)
    do_work()
    subjects = [mail.subject for mail in mails_to(cast.owner.email)]
    assert "Driver app spent 80% of its limit" in subjects
    assert "Driver app reached its limit and is stopped" in subjects
    text = mails_to(cast.owner.email)[-1].body
    assert "$200.00" in text
    assert "1 April" in text


def test_one_batch_over_both_marks_tells_of_the_limit_alone(actor, sub):
    limit(actor, sub)
    spend(sub, "500")
    assert told() == [EventKind.SUBACCOUNT_LIMIT_REACHED]


def test_soft_limit_tells_and_stops_nothing(actor, sub, cast):
    limit(actor, sub, stop="soft", percent=None)
    spend(sub, "200")
    assert told() == [EventKind.SUBACCOUNT_LIMIT_REACHED]
    assert not limits.is_stopped(sub, now=NOW)
    do_work()
    assert "Driver app reached its limit" in [mail.subject for mail in mails_to(cast.owner.email)]


def test_raising_and_lifting_the_limit_lets_it_go_on_and_lowering_stops_it(actor, sub):
    limit(actor, sub)
    spend(sub, "250")
    limit(actor, sub, 300)
    assert not limits.is_stopped(sub, now=NOW)
    assert told()[-1] == EventKind.SUBACCOUNT_LIMIT_NEARING
    limit(actor, sub, 100)
    assert limits.is_stopped(sub, now=NOW)
    limit(actor, sub, None)
    assert not limits.is_stopped(sub, now=NOW)
    changes = AuditEvent.objects.filter(kind=EventKind.SUBACCOUNT_LIMIT_CHANGED)
    assert changes.count() == 4
    limit(actor, sub, None)
    assert changes.count() == 4


def test_going_to_and_fro_sends_each_mail_once(actor, sub, cast):
    spend(sub, "250")
    for amount in (200, 300, 200, 300):
        limit(actor, sub, amount, percent=None)
    do_work()
    subjects = [mail.subject for mail in mails_to(cast.owner.email)]
    assert sum("reached its limit" in subject for subject in subjects) == 1


def test_month_begins_anew_in_the_accounts_own_zone(actor, sub):
    actor.account.time_zone = "Pacific/Auckland"
    actor.account.save()
    limit(actor, sub)
    evening = datetime(2026, 3, 31, 10, 30, tzinfo=UTC)  # 23:30 in Auckland
    spend(sub, "200", now=evening)
    assert limits.is_stopped(sub, now=evening)
    morning = evening + timedelta(hours=1)
    assert not limits.is_stopped(sub, now=morning)
    spend(sub, "200", now=morning)
    assert list(MonthSpend.unscoped.order_by("month").values_list("month", "amount")) == [
        (date(2026, 3, 1), Decimal(200)),
        (date(2026, 4, 1), Decimal(200)),
    ]
    assert told().count(EventKind.SUBACCOUNT_LIMIT_REACHED) == 2


def test_batch_of_many_costs_the_same_as_one(actor, django_assert_num_queries):
    subs = [make_subaccount(actor.account)[0] for _ in range(4)]
    subs.append(make_subaccount(make_account("Elsewhere"))[0])
    for few in (subs[:1], subs):
        with django_assert_num_queries(3):
            limits.note_spend(spent={sub.pk: Decimal(1) for sub in few}, now=NOW)
        with django_assert_num_queries(2):
            assert limits.stopped_among([sub.pk for sub in few], now=NOW) == set()
    assert sum(MonthSpend.unscoped.values_list("amount", flat=True)) == 6
    with django_assert_num_queries(0):
        limits.note_spend(spent={}, now=NOW)


@pytest.mark.parametrize("amount", [0, -1, 1_000_001])
def test_limit_is_an_amount_that_can_be_kept(actor, sub, amount):
    with pytest.raises(limits.LimitRefused):
        limit(actor, sub, amount)
    assert not SpendLimit.unscoped.exists()


def test_who_reads_sets_no_limit_and_others_have_none_to_set(cast, actor, sub):
    reader = Actor(user=cast.developer, account=cast.account, rights=frozenset({Permission.SUBACCOUNT_VIEW}))
    with pytest.raises(AccessRefused):
        limit(reader, sub)
    other, _ = make_subaccount(make_account("Elsewhere"))
    with pytest.raises(subaccounts.NoSuchSubaccount):
        limit(actor, other)


# --- Reckoning


def standing(spent, limit=200, **more):
    amount = None if limit is None else Decimal(limit)
    values = {"alert_percent": 80, "is_hard": True} | more
    return Standing(date(2026, 3, 1), Decimal(spent), amount, **values)


def test_standing_says_how_much_of_the_limit_is_spent():
    assert [standing(spent).percent for spent in ("0", "1.99", "199.99", "200", "500")] == [
        0,
        0,
        99,
        100,
        250,
    ]
    assert (standing("160").is_alerted, standing("159.99").is_alerted) == (True, False)
    assert (standing("200").is_stopped, standing("200", is_hard=False).is_stopped) == (True, False)
    assert (standing("9", None).percent, standing("9", None).is_reached, standing("9", None).alert_at) == (
        0,
        False,
        None,
    )


@pytest.mark.parametrize(
    ("spent", "day", "reached"),
    [
        ("100", 11, date(2026, 3, 21)),
        ("100", 2, None),  # too early to tell
        ("1", 11, None),  # not this month
        ("0", 11, None),
        ("200", 11, None),  # reached already
    ],
)
def test_day_on_which_the_limit_is_reached(spent, day, reached):
    assert standing(spent).reached_on(datetime(2026, 3, day, tzinfo=UTC), "UTC") == reached


def test_months():
    assert month_of(datetime(2026, 1, 1, 0, 30, tzinfo=UTC), "America/New_York") == date(2025, 12, 1)
    assert next_month(date(2025, 12, 1)) == date(2026, 1, 1)
    assert month_of(timezone.now(), "UTC").day == 1
