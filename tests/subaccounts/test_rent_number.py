"""Renting, changing, moving and giving back numbers: the services."""

import threading
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from billing.models import Balance, LedgerEntry
from console.core.access import AccessRefused, Actor
from console.core.models import AuditEvent
from subaccounts.models import Application, InventoryNumber, Number
from subaccounts.services import numbers as services
from subaccounts.services.owners import ResourceRefused
from subaccounts.services.rental_rules import renewal_after
from tests.factories import make_account, make_subaccount
from tests.subaccounts.stock import make_stock, owner_of, pay, rent
from tests.work import mails_to


@pytest.fixture
def actor(cast):
    pay(cast.account, 20)
    return owner_of(cast.account)


def app_of(account, subaccount=None, **fields):
    number = 10000000000000000 + Application.unscoped.count()
    return Application.objects.create(
        account=account, subaccount=subaccount, app_id=str(number), name=f"App{number}", **fields
    )


def balance(account):
    return Balance.objects.get(account=account).amount


def test_owner_rents_a_number_for_a_month(cast, actor):
    app = app_of(cast.account, default_number_app=True)
    stock = make_stock(setup_amount=Decimal("1.5"))
    row = rent(actor, stock.number, agreed=Decimal("2.3"))
    assert (row.account, row.subaccount, row.application) == (cast.account, None, app)
    assert row.renewal_date == renewal_after(timezone.now().date(), timezone.now().date())
    assert balance(cast.account) == Decimal("17.70000")
    entry = LedgerEntry.objects.of(cast.account).get(kind="rental")
    assert entry.idempotency_key == f"rental:{row.public_id}:{row.rented_on}"
    assert InventoryNumber.objects.get().free_at is None
    assert AuditEvent.objects.get(kind="number:rented").data["amount"] == "2.30000"
    mail = mails_to(cast.admin.email)[-1]
    assert "was rented" in mail.subject
    assert "$2.30" in mail.body


def test_second_click_charges_nothing_more(cast, actor):
    row = rent(actor)
    again = services.rent_number(actor=actor, number=row.number, now=timezone.now())
    assert (again.number, again.is_new) == (row, False)
    assert balance(cast.account) == Decimal("19.20000")
    assert AuditEvent.objects.filter(kind="number:rented").count() == 1


def test_rented_resting_and_unknown_numbers_are_not_free(cast, actor):
    taken = rent(actor)
    pay(cast.other_account, 20)
    other = owner_of(cast.other_account)
    resting = make_stock(free_at=timezone.now() + timedelta(days=1)).number
    for number in (taken.number, resting, "19999999999"):
        with pytest.raises(services.NumberTaken):
            services.rent_number(actor=other, number=number, now=timezone.now())
    assert balance(cast.other_account) == 20


def test_balance_that_is_too_low_rents_nothing(cast):
    pay(cast.account, "0.79999")
    stock = make_stock()
    with pytest.raises(services.BalanceTooLow, match=r"does not hold the \$0.80"):
        services.rent_number(actor=owner_of(cast.account), number=stock.number, now=timezone.now())
    assert not Number.unscoped.exists()
    assert InventoryNumber.objects.get().free_at is not None
    assert not LedgerEntry.objects.of(cast.account).filter(kind="rental").exists()


def test_postpaid_account_rents_on_account(cast):
    cast.account.billing_mode = "postpaid"
    cast.account.save()
    rent(owner_of(cast.account))
    assert balance(cast.account) == Decimal("-0.80000")


def test_price_that_changed_is_asked_about_again(actor):
    stock = make_stock()
    with pytest.raises(services.PriceChanged):
        services.rent_number(actor=actor, number=stock.number, agreed=Decimal("0.7"), now=timezone.now())


def test_number_for_a_subaccount_of_somebody_else_is_refused(cast, actor):
    theirs, _ = make_subaccount(cast.other_account)
    gone, _ = make_subaccount(cast.account, deleted_at=timezone.now())
    for one in (theirs, gone):
        with pytest.raises(ResourceRefused):
            rent(actor, subaccount_id=one.auth_id)
    assert not Number.unscoped.exists()


def test_role_without_the_right_rents_nothing(cast):
    stock = make_stock()
    analyst = Actor(user=cast.analyst, account=cast.account)
    for deed in (services.rent_number, services.change_number, services.release_number):
        with pytest.raises(AccessRefused):
            deed(actor=analyst, number=stock.number, now=timezone.now())


@pytest.mark.parametrize("buyers", [1, 2], ids=["two clicks", "two customers"])
def test_rented_at_once_there_is_one_rental(transactional_db, buyers):
    accounts = [make_account(f"Company {number}") for number in range(buyers)]
    for account in accounts:
        pay(account, 5)
    number = make_stock().number
    done, gate = [], threading.Barrier(2)

    def buy(account):
        try:
            gate.wait()
            rented = services.rent_number(actor=Actor.system(account), number=number, now=timezone.now())
            done.append(rented.is_new)
        except services.NumberTaken:
            done.append(None)
        finally:
            connection.close()

    threads = [threading.Thread(target=buy, args=(accounts[turn % buyers],)) for turn in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(done) == {True, False if buyers == 1 else None}
    assert Number.unscoped.count() == 1
    assert LedgerEntry.unscoped.filter(kind="rental").count() == 1


# --- Changing and moving


def test_owner_changes_alias_application_and_look_up(cast, actor):
    row, app = rent(actor), app_of(cast.account)
    services.change_number(
        actor=actor, number=row.number, alias="Desk", app_id=app.app_id, cnam_lookup=True, now=timezone.now()
    )
    row.refresh_from_db()
    assert (row.alias, row.application, row.cnam_lookup) == ("Desk", app, True)
    event = AuditEvent.objects.get(kind="number:changed")
    assert event.data["before"]["alias"] == ""
    assert event.data["after"]["application"] == app.name
    services.change_number(actor=actor, number=row.number, alias="Desk", now=timezone.now())
    assert AuditEvent.objects.filter(kind="number:changed").count() == 1
    services.change_number(actor=actor, number=row.number, app_id="", now=timezone.now())
    row.refresh_from_db()
    assert row.application is None


def test_application_of_another_owner_is_refused(cast, actor):
    row = rent(actor)
    sub, _ = make_subaccount(cast.account)
    for app in (app_of(cast.other_account), app_of(cast.account, sub)):
        with pytest.raises(services.NoSuchApplication):
            services.change_number(actor=actor, number=row.number, app_id=app.app_id, now=timezone.now())


def test_number_that_moves_takes_the_default_of_its_new_owner(cast, actor):
    app_of(cast.account, default_number_app=True)
    sub, _ = make_subaccount(cast.account)
    theirs = app_of(cast.account, sub, default_number_app=True)
    row = rent(actor)
    moved = services.change_number(
        actor=actor, number=row.number, subaccount_id=sub.auth_id, now=timezone.now()
    )
    assert (moved.subaccount, moved.application) == (sub, theirs)
    event = AuditEvent.objects.get(kind="number:moved")
    assert event.data["after"]["owner"] == sub.auth_id
    services.change_number(actor=actor, number=row.number, subaccount_id="", now=timezone.now())
    row.refresh_from_db()
    assert row.subaccount is None


def test_credentials_of_a_subaccount_reach_their_own_numbers_and_move_none(cast, actor):
    one, _ = make_subaccount(cast.account, "One")
    two, _ = make_subaccount(cast.account, "Two")
    row, mains = rent(actor, subaccount_id=one.auth_id), rent(actor)
    as_two = owner_of(cast.account, subaccount_id=two.pk)
    for number in (row.number, mains.number):
        with pytest.raises(services.NoSuchNumber):
            services.release_number(actor=as_two, number=number, now=timezone.now())
    as_one = owner_of(cast.account, subaccount_id=one.pk)
    with pytest.raises(AccessRefused):
        services.change_number(actor=as_one, number=row.number, subaccount_id=two.auth_id, now=timezone.now())
    assert rent(as_one).subaccount == one


# --- Giving back


def test_number_that_is_given_back_rests(cast, actor, settings):
    now, row = timezone.now(), rent(actor)
    services.release_number(actor=actor, number=row.number, now=now)
    assert not Number.unscoped.exists()
    assert InventoryNumber.objects.get().free_at == now + timedelta(days=settings.CONSOLE_NUMBER_REST_DAYS)
    with pytest.raises(services.NoSuchNumber):
        services.release_number(actor=actor, number=row.number, now=now)
    assert "given back" in mails_to(cast.owner.email)[-1].subject
    later = now + timedelta(days=settings.CONSOLE_NUMBER_REST_DAYS + 1)
    assert services.rent_number(actor=actor, number=row.number, now=later).is_new
    assert LedgerEntry.objects.of(cast.account).filter(kind="rental").count() == 2


@pytest.mark.parametrize("is_moved", [True, False])
def test_numbers_of_a_subaccount_that_goes(cast, actor, is_moved):
    sub, _ = make_subaccount(cast.account)
    mine, theirs = rent(actor), rent(actor, subaccount_id=sub.auth_id)
    deed = services.move_to_main if is_moved else services.delete_of
    assert deed(actor=actor, subaccount=sub, now=timezone.now()) == 1
    left = {row.number: row.subaccount for row in Number.unscoped.all()}
    assert left == ({mine.number: None, theirs.number: None} if is_moved else {mine.number: None})
    event = AuditEvent.objects.get(kind="number:all-moved" if is_moved else "number:all-released")
    assert event.data == {"count": 1, "numbers": [f"+{theirs.number}"]}
    assert deed(actor=actor, subaccount=sub, now=timezone.now()) == 0


def test_days_of_renewal_keep_the_end_of_the_month():
    day, seen = date(2027, 10, 31), []
    for _ in range(6):
        day = renewal_after(date(2027, 10, 31), day)
        seen.append(day)
    assert [str(one) for one in seen] == [
        "2027-11-30", "2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"
    ]  # fmt: skip
