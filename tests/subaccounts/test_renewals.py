"""Renewals: paid once a month, caught up after days off, told about when unpaid, and given up in the end."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from billing.models import Balance, LedgerEntry
from billing.services import post_entry
from console.core.models import AuditEvent
from subaccounts.models import InventoryNumber, Number
from subaccounts.services.renewals import renew_due
from subaccounts.tasks.numbers import renew_numbers
from tests.subaccounts.stock import make_stock, owner_of, pay, rent
from tests.work import mails_to

BEGAN = datetime(2027, 1, 31, 15, 0, tzinfo=UTC)


def at(month, day, hour=1):
    return datetime(2027, month, day, hour, tzinfo=UTC)


@pytest.fixture
def actor(cast):
    pay(cast.account, 3)
    return owner_of(cast.account)


def rents(account):
    return list(
        LedgerEntry.objects.of(account).filter(kind="rental").order_by("id").values_list("amount", flat=True)
    )


def kinds():
    return list(
        AuditEvent.objects.filter(kind__startswith="number:").order_by("id").values_list("kind", flat=True)
    )


def test_month_is_paid_on_its_day_and_once(cast, actor):
    row = rent(actor, now=BEGAN)
    assert renew_due(now=at(2, 27, 23)) == 0
    assert renew_due(now=at(2, 28)) == 1
    assert renew_due(now=at(2, 28, 2)) == 0
    row.refresh_from_db()
    assert (str(row.renewal_date), row.due_at) == ("2027-03-31", at(3, 31, 0))
    assert rents(cast.account) == [Decimal("-0.8"), Decimal("-0.8")]
    event = AuditEvent.objects.get(kind="number:renewed")
    assert event.data == {"count": 1, "numbers": [f"+{row.number}"], "amount": "0.80000"}


def test_months_that_nothing_ran_are_caught_up_one_by_one(cast, actor):
    row = rent(actor, now=BEGAN)
    renew_due(now=at(4, 2))
    row.refresh_from_db()
    assert str(row.renewal_date) == "2027-04-30"
    keys = (
        LedgerEntry.objects.of(cast.account).filter(kind="rental").values_list("idempotency_key", flat=True)
    )
    assert {key.rpartition(":")[2] for key in keys} == {"2027-01-31", "2027-02-28", "2027-03-31"}
    assert AuditEvent.objects.get(kind="number:renewed").data["amount"] == "1.60000"


def test_charge_that_was_made_before_a_crash_is_not_made_again(cast, actor):
    row = rent(actor, now=BEGAN)
    renew_due(now=at(2, 28))
    Number.unscoped.update(renewal_date=at(2, 28).date(), due_at=at(2, 28, 0))
    renew_due(now=at(2, 28))
    row.refresh_from_db()
    assert str(row.renewal_date) == "2027-03-31"
    assert len(rents(cast.account)) == 2


def test_unpaid_number_is_told_warned_and_given_back(cast, settings):
    pay(cast.account, 1)
    row = rent(owner_of(cast.account), now=BEGAN)
    renew_due(now=at(2, 28))
    renew_due(now=at(2, 28, 2))
    renew_due(now=at(3, 1))
    row.refresh_from_db()
    assert (str(row.overdue_since), row.notice) == ("2027-02-28", Number.Notice.TOLD)
    assert kinds() == ["number:rented", "number:overdue"]
    renew_due(now=at(3, 7))
    assert kinds()[2:] == ["number:ending"]
    renew_due(now=at(3, 9))
    assert Number.unscoped.exists()
    renew_due(now=at(3, 10))
    assert not Number.unscoped.exists()
    assert kinds()[3:] == ["number:lost"]
    freed = InventoryNumber.objects.get().free_at
    assert freed == at(3, 10) + timedelta(days=settings.CONSOLE_NUMBER_REST_DAYS)
    assert rents(cast.account) == [Decimal("-0.8")]
    assert Balance.objects.get(account=cast.account).amount == Decimal("0.2")
    subjects = [mail.subject for mail in mails_to(cast.owner.email)][1:]
    assert subjects == [
        "The rent of 1 number of Halyard Logistics is not paid",
        "1 number of Halyard Logistics will be given back on 10 March 2027",
        "1 number of Halyard Logistics went back, because the rent was not paid",
    ]


def test_money_in_time_keeps_the_number(cast):
    pay(cast.account, 1)
    row = rent(owner_of(cast.account), now=BEGAN)
    renew_due(now=at(2, 28))
    pay(cast.account, 5, key="again")
    renew_due(now=at(2, 28, 8))
    row.refresh_from_db()
    assert (row.overdue_since, row.notice, str(row.renewal_date)) == (None, 0, "2027-03-31")


def test_nobody_loses_a_number_unwarned_because_nothing_ran(cast):
    pay(cast.account, 1)
    row = rent(owner_of(cast.account), now=BEGAN)
    renew_due(now=at(2, 28))
    renew_due(now=at(4, 1))
    row.refresh_from_db()
    assert row.notice == Number.Notice.WARNED
    assert AuditEvent.objects.get(kind="number:ending").data["ends_on"] == "2027-04-04"
    renew_due(now=at(4, 3))
    assert Number.unscoped.exists()
    renew_due(now=at(4, 4))
    assert not Number.unscoped.exists()


def test_balance_pays_for_some_and_one_mail_tells_of_the_rest(cast, actor):
    for _ in range(2):
        rent(actor, now=BEGAN)
    post_entry(account=cast.account, kind="adjustment", amount=Decimal("-0.5"), key="spent", now=BEGAN)
    pay(cast.other_account, 1)
    theirs = rent(owner_of(cast.other_account), make_stock(monthly_amount=0).number, now=BEGAN)
    assert renew_due(now=at(2, 28)) == 3
    event = AuditEvent.objects.get(kind="number:overdue")
    assert (event.data["count"], event.data["owed"]) == (1, "0.80000")
    theirs.refresh_from_db()
    assert str(theirs.renewal_date) == "2027-03-31"


def test_task_renews_what_is_due_now(cast, actor):
    began = BEGAN - timedelta(days=2000)
    rent(actor, make_stock(free_at=began).number, now=began)
    renew_numbers()
    assert AuditEvent.objects.filter(kind__in=["number:renewed", "number:overdue"]).exists()
