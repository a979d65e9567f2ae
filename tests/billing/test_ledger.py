"""The ledger is append-only, posts once per key, and always adds up to the balance."""

import os
import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.db.models import Sum
from django.utils import timezone

from billing import services
from billing.models import Balance, LedgerCheck, LedgerDay, LedgerEntry
from billing.queries import money_of
from console.core.access import Actor
from console.core.events import EventKind, record
from tests.factories import make_account
from tests.work import do_work


def _post(account, amount="5", key="k1", kind="recharge"):
    return services.post_entry(
        account=account, kind=kind, amount=Decimal(amount), key=key, now=timezone.now()
    )


def test_activated_account_gets_its_trial_credit_once(db):
    account = make_account()
    with transaction.atomic():
        record(EventKind.ACCOUNT_ACTIVATED, actor=Actor.system(account), target=account)
        record(EventKind.ACCOUNT_ACTIVATED, actor=Actor.system(account), target=account)
    do_work()
    entry = LedgerEntry.objects.of(account).get()
    assert (entry.kind, entry.amount, entry.balance_after) == ("trial-credit", Decimal(10), Decimal(10))
    assert money_of(account).balance == Decimal(10)


def test_setting_of_zero_grants_nothing(db, settings):
    settings.CONSOLE_TRIAL_CREDIT = Decimal(0)
    account = make_account()
    assert services.grant_trial_credit(account=account, now=timezone.now()) is None
    assert money_of(account).balance == 0


def test_same_key_posts_once_and_another_amount_is_refused(db):
    account = make_account()
    assert _post(account).pk == _post(account).pk
    with pytest.raises(services.KeyReused):
        _post(account, amount="6")
    assert money_of(account).balance == Decimal(5)


@pytest.mark.parametrize(
    ("kind", "amount"), [("recharge", "-1"), ("usage", "1"), ("trial-credit", "-1"), ("recharge", "0")]
)
def test_database_refuses_a_wrong_sign(db, kind, amount):
    with pytest.raises(IntegrityError), transaction.atomic():
        _post(make_account(), amount=amount, kind=kind)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_ledgerentry SET amount = 9",
        "DELETE FROM billing_ledgerentry",
        "TRUNCATE billing_ledgerentry",
    ],
)
def test_nobody_changes_an_entry(transactional_db, statement):
    _post(make_account())
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only")
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as owner, refused:
        owner.execute(statement)


def test_balance_is_the_sum_under_eight_concurrent_writers(transactional_db):
    account = make_account()

    def write(number):
        for turn in range(5):
            _post(account, amount="1.00001", key=f"{number}-{turn}")
        connection.close()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    total = LedgerEntry.objects.of(account).aggregate(total=Sum("amount"))["total"]
    assert Balance.objects.get(account=account).amount == total == Decimal("40.00040")
    assert LedgerEntry.objects.of(account).order_by("-id")[0].balance_after == total


def test_entry_carries_the_moment_it_is_given(db):
    moment = timezone.now() - timedelta(days=40)
    account = make_account()
    entry = services.post_entry(account=account, kind="recharge", amount=Decimal(5), key="late", now=moment)
    assert LedgerEntry.objects.of(account).get(pk=entry.pk).at == moment


def test_days_are_summed_in_the_time_zone_of_the_account(db):
    account = make_account(time_zone="Asia/Kolkata")
    late = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)  # the second of March in Kolkata
    for turn in range(3):
        services.post_entry(
            account=account, kind="recharge", amount=Decimal("1.5"), key=f"k{turn}", now=late, cause="test"
        )
    row = LedgerDay.objects.of(account).get()
    assert (row.day, row.amount, row.entries) == (date(2026, 3, 2), Decimal("4.5"), 3)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_balance SET amount = amount + 1",
        (
            "INSERT INTO billing_ledgerentry (public_id, account_id, kind, amount, balance_after, note, idempotency_key,"
            " at) SELECT gen_random_uuid(), account_id, 'recharge', 3, 8, '', 'forged', now() FROM billing_balance"
        ),
    ],
)
def test_commit_that_parts_balance_and_ledger_is_refused(transactional_db, statement):
    _post(make_account())
    with pytest.raises(IntegrityError, match="is not the sum"), connection.cursor() as cursor:
        cursor.execute(statement)


def test_entry_that_does_not_follow_the_one_before_is_refused(db):
    account = make_account()
    _post(account)
    with pytest.raises(IntegrityError, match="does not follow"), transaction.atomic():
        LedgerEntry.objects.create(
            account=account, kind="recharge", amount=3, balance_after=9, idempotency_key="k2"
        )


def test_application_may_not_write_sums_of_days(db):
    _post(make_account())
    with pytest.raises(ProgrammingError), transaction.atomic():
        LedgerDay.unscoped.update(amount=0)


def test_every_balance_is_proved_and_a_changed_row_is_named(transactional_db, capsys):
    good, changed = make_account(), make_account()
    for account in (good, changed):
        _post(account)
        _post(account, amount="-2", key="k2", kind="usage")
    call_command("verify_ledger")
    assert "2 balances are the sums of 4 entries" in capsys.readouterr().out
    with psycopg.connect(os.environ["TEST_OWN_SUPERUSER_URL"], autocommit=True) as superuser:
        superuser.execute("SET session_replication_role = replica")
        superuser.execute(
            "UPDATE billing_ledgerentry SET amount = 6 WHERE account_id = %s AND amount = 5", [changed.pk]
        )
    with pytest.raises(CommandError, match="1 accounts do not add up"):
        call_command("verify_ledger")
    check = LedgerCheck.objects.order_by("-at")[0]
    assert [row["account_id"] for row in check.problems] == [changed.pk]
    assert not check.is_good


def test_ledger_is_proved_once_a_day(db):
    now = timezone.now()
    assert services.verify_if_due(now=now).is_good
    assert services.verify_if_due(now=now + timedelta(hours=22)) is None
    assert services.verify_if_due(now=now + timedelta(hours=24))
