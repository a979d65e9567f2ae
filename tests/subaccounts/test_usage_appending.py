"""Events are appended once, with their sums, whoever appends at the same time."""

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.models import Count, Sum
from django.db.utils import ProgrammingError
from django.utils import timezone

from accounts.models import Account
from accounts.services import update_company
from console.core.access import Actor
from subaccounts.models import UsageDay, UsageEvent
from subaccounts.services import UnknownAccount, append_usage, cut_days_again, usage_months
from tests.factories import make_subaccount
from tests.security.at_once import at_once
from tests.subaccounts.usage_steps import append, fill, make_row
from tests.work import do_work


def _sums(account):
    rows = UsageDay.objects.of(account).aggregate(Sum("events"), Sum("units"), Sum("cost"))
    return tuple(rows.values())


def _counted(account):
    rows = UsageEvent.objects.of(account)
    found = rows.aggregate(events=Count("event_id"), units=Sum("units"), cost=Sum("cost"))
    return tuple(found.values())


def test_append_adds_rows_and_sums(cast):
    part, _ = make_subaccount(cast.account)
    rows = [make_row(cast.account, country=iso) for iso in ("NL", "NL", "DE")]
    rows.append(make_row(cast.account, subaccount_id=part.pk, kind="message", units=3, country=""))
    assert append(*rows) == {row.event_id for row in rows}
    assert _sums(cast.account) == _counted(cast.account) == (4, 9, Decimal("0.17120"))
    assert set(UsageDay.objects.of(cast.account).values_list("subaccount", "kind", "country", "events")) == {
        (None, "call", "NL", 2),
        (None, "call", "DE", 1),
        (part.pk, "message", "", 1),
    }


def test_event_that_comes_again_changes_nothing(cast):
    row = make_row(cast.account)
    assert append(row) == {row.event_id}
    assert append(row, row._replace(cost=Decimal(9)), other := make_row(cast.account)) == {other.event_id}
    assert _sums(cast.account)[0] == 2
    assert append() == set()


def test_unknown_account_keeps_the_whole_batch_out(cast):
    with pytest.raises(UnknownAccount), transaction.atomic():
        append_usage(rows=[make_row(cast.account), make_row(Account(pk=10**12))])
    with transaction.atomic(), pytest.raises(UnknownAccount):
        append_usage(rows=[make_row(cast.account), make_row(Account(pk=10**12))])
    assert not UsageEvent.objects.of(cast.account).exists()
    with pytest.raises(ValueError, match="1000"):
        append(*[make_row(cast.account)] * 1001)


@pytest.mark.django_db(transaction=True)
def test_append_outside_a_transaction_is_a_mistake():
    with pytest.raises(RuntimeError):
        append_usage(rows=[])


@pytest.mark.django_db(transaction=True)
def test_sums_equal_the_rows_after_appends_at_once(cast):
    """Batches meet at the same sums in opposite orders, with events of each other, while days are cut again."""
    now = timezone.now()
    rows = [
        make_row(cast.account, at=now - timedelta(hours=n % 60), country=("NL", "DE", "US")[n % 3])
        for n in range(120)
    ]
    rows += [make_row(cast.other_account, at=now - timedelta(hours=n)) for n in range(30)]
    deeds = [lambda part=rows[n::3]: append(*part) for n in range(3)] + [lambda: append(*reversed(rows[::2]))]
    results = at_once(*deeds, lambda: cut_days_again(account_id=cast.account.pk, now=now))
    assert sum(len(fresh) for fresh in results[:4]) == 150
    for account in (cast.account, cast.other_account):
        assert _sums(account) == _counted(account)


def test_days_are_those_of_the_account(cast):
    cast.account.time_zone = "Pacific/Auckland"
    cast.account.save()
    evening = timezone.now().replace(hour=13, minute=0) - timedelta(days=2)
    append(make_row(cast.account, at=evening), make_row(cast.other_account, at=evening))
    assert UsageDay.objects.of(cast.account).get().day == evening.date() + timedelta(days=1)
    assert UsageDay.objects.of(cast.other_account).get().day == evening.date()


def test_new_time_zone_cuts_the_days_again(cast):
    evening = timezone.now().replace(hour=13, minute=0) - timedelta(days=2)
    append(make_row(cast.account, at=evening), make_row(cast.account, at=evening - timedelta(hours=10)))
    assert UsageDay.objects.of(cast.account).get().events == 2
    update_company(actor=Actor.system(cast.account), time_zone="Pacific/Auckland")
    do_work()
    days = dict(UsageDay.objects.of(cast.account).values_list("day", "events"))
    assert days == {evening.date(): 1, evening.date() + timedelta(days=1): 1}


def test_rows_are_never_changed_and_months_belong_to_the_owner(cast):
    append(make_row(cast.account))
    month = f"m{timezone.now():%Y_%m}"
    for statement in (
        "UPDATE subaccounts_usageevent SET cost = 0",
        f"SELECT * FROM usage_months.{month}",
        f"DROP TABLE usage_months.{month}",
    ):
        with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    for month in ("2999-01-01", "1999-01-01"):
        with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT subaccounts_open_usage_month(%s)", [month])
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT subaccounts_drop_usage_month(%s)", [timezone.now().date()])


def test_event_without_a_month_is_refused_not_put_aside(cast):
    with pytest.raises(Exception, match="no partition"), transaction.atomic():
        append_usage(rows=[make_row(cast.account, at=datetime(2001, 1, 1, tzinfo=UTC))])


def test_months_are_opened_ahead_and_dropped_when_nothing_of_them_is_kept(cast, settings):
    now = timezone.now()
    settings.CONSOLE_USAGE_MONTHS_AHEAD = 5
    opened = usage_months.open_months(now=now)
    assert len(opened) in {1, 2}
    assert max(usage_months.open_now()) >= now.date() + timedelta(days=4 * 30)
    assert usage_months.open_months(now=now) == []
    settings.CONSOLE_USAGE_DAYS = 1
    dropped = usage_months.drop_months(now=now)
    assert dropped
    assert max(dropped) < (now - timedelta(days=1)).date().replace(day=1)
    assert min(usage_months.open_now()) == (now - timedelta(days=1)).date().replace(day=1)


def test_edge_of_what_is_kept_is_deleted_in_batches(cast, settings, monkeypatch):
    fill(cast.account, 60, days=20)
    settings.CONSOLE_USAGE_DAYS = 10
    monkeypatch.setattr(usage_months, "_BATCH", 7)
    assert usage_months.trim_edge(now=timezone.now()) == 30
    assert UsageEvent.objects.of(cast.account).count() == 30
    assert not UsageEvent.objects.of(cast.account).filter(at__lt=timezone.now() - timedelta(days=10)).exists()


def test_old_sums_go_after_their_time(cast, settings):
    append(make_row(cast.account))
    old = date.today() - timedelta(days=settings.CONSOLE_USAGE_SUM_DAYS + 1)
    UsageDay.objects.create(
        account=cast.account,
        day=old,
        kind="call",
        direction="outbound",
        country="NL",
        events=1,
        units=1,
        cost=1,
    )
    assert usage_months.trim_sums(now=timezone.now()) == 1
    assert UsageDay.objects.of(cast.account).count() == 1
    assert uuid.UUID(int=0) not in append(make_row(cast.account))
