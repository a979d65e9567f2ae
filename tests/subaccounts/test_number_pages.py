"""Pages of numbers: list, detail, search, rent, change, move, give back."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from billing.models import LedgerEntry
from subaccounts.models import Application, Number
from tests.conftest import sign_in
from tests.factories import make_subaccount
from tests.subaccounts.stock import make_stock, owner_of, pay, rent


@pytest.fixture
def actor(cast):
    pay(cast.account, 30)
    return owner_of(cast.account)


def at(cast, name, **more):
    return reverse(f"subaccounts:{name}", kwargs={"account": cast.account.auth_id, **more})


def html(response):
    return response.content.decode()


def test_list_filters_by_what_people_know(client, cast, actor):
    cast.sign_in(client, "developer")
    assert "No number yet" in html(client.get(at(cast, "number_list")))
    sub, _ = make_subaccount(cast.account, "Driver app")
    rent(actor, "12125559001")
    rent(actor, make_stock("442079460123", country_iso="GB", has_sms=False).number, subaccount_id=sub.auth_id)
    Number.unscoped.filter(number="12125559001").update(alias="Front desk")
    for query, hits in (
        ({}, (True, True)),
        ({"q": "front"}, (True, False)),
        ({"q": "+44 20"}, (False, True)),
        ({"country": "GB"}, (False, True)),
        ({"number_type": "local", "service": "sms"}, (True, False)),
        ({"owner": "main"}, (True, False)),
        ({"owner": sub.auth_id}, (False, True)),
        ({"q": "%"}, (False, False)),
    ):
        page = html(client.get(at(cast, "number_list"), query))
        assert ("+1 212-555-9001" in page, "+44 20 7946 0123" in page) == hits, query
    assert client.get(at(cast, "number_list"), {"owner": "SA" + "Z" * 18}).status_code == 422
    assert client.get(at(cast, "number_list"), {"before": "x"}).status_code == 422


def test_list_pages_both_ways_and_costs_the_same_for_many(client, cast, actor):
    cast.sign_in(client, "owner")
    rent(actor)
    address = at(cast, "number_list")
    client.get(address)
    with CaptureQueriesContext(connection) as few:
        client.get(address)
    _fill(cast.account, 60)
    with CaptureQueriesContext(connection) as many:
        page = html(client.get(address))
    assert len(many) == len(few) <= 8
    assert page.count('data-label="A month"') == 25
    second = client.get(address, {"before": _cursor(page, "before")})
    assert html(second).count('data-label="A month"') == 25
    back = client.get(address, {"after": _cursor(html(second), "after")})
    assert _cursor(html(back), "before") == _cursor(page, "before")


def _cursor(page, name):
    return page.split(f"?{name}=")[1].split('"')[0]


def _fill(account, count):
    with connection.cursor() as cursor:
        cursor.execute(
            """
WITH stock AS (
  INSERT INTO subaccounts_inventorynumber (number, country_iso, number_type, city, region, carrier, has_voice,
    has_sms, has_mms, monthly_amount, setup_amount, voice_rate, sms_rate, mms_rate, is_sample, free_at, loaded_at)
  SELECT '1313555' || lpad(i::text, 4, '0'), 'US', 'local', '', '', '', true, true, false, 1, 0, 0, 0, 0, false,
    NULL, now() FROM generate_series(1, %s) AS i RETURNING id, number)
INSERT INTO subaccounts_number (public_id, account_id, inventory_id, number, alias, cnam_lookup, monthly_amount,
  rented_at, renewal_date, notice, due_at)
SELECT gen_random_uuid(), %s, id, number, '', false, 1, now(), now()::date + 30, 0, now() + '30 days' FROM stock
""",
            [count, account.pk],
        )


def test_detail_shows_rent_owner_and_what_answers(client, cast, actor):
    cast.sign_in(client, "admin")
    row = rent(actor)
    page = html(client.get(at(cast, "number", number=row.number)))
    assert "$0.80 a month" in page
    assert "None: calls and messages to it go nowhere" in page
    day = timezone.now().date()
    Number.unscoped.update(overdue_since=day, notice=1)
    page = html(client.get(at(cast, "number", number=row.number)))
    assert f"goes back on {day + timedelta(days=10):%-d %B %Y}" in page


# --- Renting


def test_search_finds_free_numbers_by_area_type_and_service(client, cast, actor):
    cast.sign_in(client, "developer")
    assert "No free number" in html(client.get(at(cast, "number_search")))
    make_stock("12125559001", setup_amount=1)
    make_stock("13105559002", city="Los Angeles", has_sms=False)
    make_stock("442079460123", country_iso="GB", city="London")
    for query, hits in (
        ({}, "110"),
        ({"country": "GB"}, "001"),
        ({"country": "GB", "area": "020"}, "001"),
        ({"country": "US", "area": "212"}, "100"),
        ({"country": "US", "area": "los"}, "010"),
        ({"country": "US", "service": "sms"}, "100"),
        ({"country": "US", "number_type": "mobile"}, "000"),
        ({"country": "US", "place": "13105559002"}, "010"),
    ):
        page = html(client.get(at(cast, "number_search"), query))
        found = [words in page for words in ("+1 212-555-9001", "+1 310-555-9002", "+44 20 7946 0123")]
        assert "".join(str(int(hit)) for hit in found) == hits, query
    assert client.get(at(cast, "number_search"), {"country": "FR"}).status_code == 422
    assert client.get(at(cast, "number_search"), {"country": "US", "area": "<b>"}).status_code == 422


def test_search_shows_twenty_five_and_more(client, cast, actor):
    cast.sign_in(client, "owner")
    for turn in range(30):
        make_stock(f"121255590{turn:02d}")
    first = html(client.get(at(cast, "number_search")))
    assert first.count("Rent…") == 25
    assert "place=12125559025" in first


def test_owner_sees_the_price_and_rents_for_a_subaccount(client, cast, actor):
    cast.sign_in(client, "owner")
    sub, _ = make_subaccount(cast.account, "Driver app")
    stock = make_stock(setup_amount=Decimal("1.5"))
    address = at(cast, "number_rent", number=stock.number)
    page = html(client.get(address))
    for words in ("$2.30", "$0.80 a month", "$30.00, and $27.70 after it", "Driver app"):
        assert words in page
    facts = {"subaccount": sub.auth_id, "agreed": "2.30000"}
    for said in ("The first month is paid.", "Nothing was charged."):
        response = client.post(address, facts, follow=True)
        assert response.redirect_chain[-1][0] == at(cast, "number", number=stock.number)
        assert said in html(response)
    assert Number.unscoped.get().subaccount == sub
    assert LedgerEntry.objects.of(cast.account).filter(kind="rental").count() == 1
    assert client.get(address).status_code == 302


def test_price_that_changed_is_shown_again_and_agreed_to_anew(client, cast, actor):
    cast.sign_in(client, "owner")
    stock = make_stock()
    address = at(cast, "number_rent", number=stock.number)
    response = client.post(address, {"subaccount": "main", "agreed": "0.10000"})
    assert response.status_code == 422
    assert "The price changed meanwhile" in html(response)
    assert 'value="0.80000"' in html(response)
    assert not Number.unscoped.exists()
    assert client.post(address, {"subaccount": "main", "agreed": "free"}).status_code == 422


def test_number_that_went_to_somebody_else_leads_to_the_others(client, cast, actor):
    cast.sign_in(client, "owner")
    pay(cast.other_account, 5)
    gone = rent(owner_of(cast.other_account)).number
    address = at(cast, "number_rent", number=gone)
    assert client.get(address).status_code == 404
    response = client.post(address, {"subaccount": "main", "agreed": "0.80000"}, follow=True)
    assert response.redirect_chain[-1][0] == at(cast, "number_search")
    assert "is not free any more" in html(response)


def test_balance_that_is_too_low_rents_nothing(client, cast):
    cast.sign_in(client, "owner")
    address = at(cast, "number_rent", number=make_stock().number)
    assert "The balance is too low." in html(client.get(address))
    response = client.post(address, {"subaccount": "main", "agreed": "0.80000"})
    assert response.status_code == 422
    assert "Nothing was charged." in html(response)
    assert not Number.unscoped.exists()


def test_renting_moving_and_giving_back_ask_who_it_is(client, cast, actor):
    number = rent(actor).number
    sign_in(client, cast.owner, confirmed=False)
    for name in ("number_rent", "number_move", "number_release"):
        free = make_stock().number if name == "number_rent" else number
        response = client.post(at(cast, name, number=free), {"subaccount": "main", "agreed": "0.80000"})
        assert "Confirm it" in html(response) or response.status_code in {302, 303}
    assert Number.unscoped.get().number == number


# --- Changing, moving, giving back


def test_developer_changes_alias_and_application(client, cast, actor):
    cast.sign_in(client, "developer")
    number = rent(actor).number
    Application.objects.create(account=cast.account, app_id="1" * 17, name="Desk-line")
    address = at(cast, "number_change", number=number)
    assert "Desk-line" in html(client.get(address))
    facts = {"alias": " Front  desk ", "app_id": "1" * 17, "cnam_lookup": "on"}
    assert client.post(address, facts).status_code == 302
    row = Number.unscoped.select_related("application").get()
    assert (row.alias, row.application.name, row.cnam_lookup) == ("Front desk", "Desk-line", True)
    for wrong in ({"alias": "a\u202eb"}, {"alias": "x" * 101}, {"app_id": "2" * 17}):
        assert client.post(address, wrong).status_code == 422


def test_number_is_moved_to_a_subaccount_and_back(client, cast, actor):
    cast.sign_in(client, "owner")
    number = rent(actor).number
    address = at(cast, "number_move", number=number)
    assert "Nowhere to move it" in html(client.get(address))
    sub, _ = make_subaccount(cast.account, "Driver app")
    response = client.post(address, {"subaccount": sub.auth_id}, follow=True)
    assert "belongs to Driver app now" in html(response)
    assert client.post(address, {"subaccount": "SA" + "Z" * 18}).status_code == 422
    assert "the main account now" in html(client.post(address, {"subaccount": "main"}, follow=True))


def test_number_is_given_back_after_one_more_question(client, cast, actor):
    cast.sign_in(client, "owner")
    number = rent(actor).number
    address = at(cast, "number_release", number=number)
    assert "not refunded" in html(client.get(address))
    assert Number.unscoped.exists()
    assert "was given back" in html(client.post(address, follow=True))
    assert not Number.unscoped.exists()
    assert client.post(address).status_code == 404


@pytest.mark.parametrize("name", ["number", "number_change", "number_move", "number_release"])
def test_number_of_another_account_is_not_found(client, cast, name):
    pay(cast.other_account, 5)
    theirs = rent(owner_of(cast.other_account)).number
    cast.sign_in(client, "owner")
    assert client.get(at(cast, name, number=theirs)).status_code == 404
    assert client.post(at(cast, name, number=theirs)).status_code in {404, 405}
    assert Number.unscoped.exists()
