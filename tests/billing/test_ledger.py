"""The ledger is append-only, posts once per key, and always adds up to the balance."""

import os
import threading
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.db.models import Sum
from django.utils import timezone

from billing import services
from billing.models import Balance, LedgerEntry
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
