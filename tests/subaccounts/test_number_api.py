"""``/v1/Account/{auth_id}/Number/`` and ``PhoneNumber/``: what they say and take, and who may call them."""

import pytest

from accounts.services import api_use
from billing.models import LedgerEntry
from console.core import ratelimit
from subaccounts.models import Application, Number
from tests.accounts.api_caller import Api
from tests.factories import make_account, make_subaccount, make_token, make_user
from tests.subaccounts.stock import make_stock, owner_of, pay, rent

KEYS = {
    "active", "added_on", "alias", "api_id", "application", "carrier", "city", "cnam_lookup",
    "compliance_application_id", "compliance_status", "country", "mms_enabled", "mms_rate", "monthly_rental_rate",
    "number", "number_type", "region", "renewal_date", "resource_uri", "sms_enabled", "sms_rate", "sub_account",
    "sub_account_name", "tendlc_campaign_id", "tendlc_registration_status", "toll_free_sms_verification",
    "voice_enabled", "voice_rate",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_noted(monkeypatch):
    monkeypatch.setattr(api_use, "recent", api_use.Recent())
    monkeypatch.setattr(ratelimit, "_local", ratelimit._LocalBuckets())


@pytest.fixture
def account(db):
    made = make_account(owner=make_user())
    pay(made, 50)
    return made


@pytest.fixture
def api(account):
    return Api(account.auth_id, make_token(account)[1])


def at(api, number="", kind="Number"):
    return f"/v1/Account/{api.auth_id}/{kind}/" + (f"{number}/" if number else "")


def listed(api, **filters):
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    body = api.ask(path=f"{at(api)}?{query}").json()
    return [one["number"] for one in body["objects"]]


def post(api, number, body, kind="Number"):
    return api.ask("POST", body, path=at(api, number, kind))


def test_number_has_exactly_these_keys(api, account):
    app = Application.objects.create(account=account, app_id="1" * 17, name="Desk", default_number_app=True)
    row = rent(owner_of(account))
    body = api.ask(path=at(api, row.number)).json()
    assert set(body) == KEYS
    shown = {
        name: body[name] for name in ("alias", "application", "city", "country", "region", "sub_account")
    }
    assert shown == {
        "alias": None,
        "application": f"/v1/Account/{api.auth_id}/Application/{app.app_id}/",
        "city": "New York",
        "country": "United States",
        "region": "New York, UNITED STATES",
        "sub_account": None,
    }
    assert (body["monthly_rental_rate"], body["voice_rate"]) == ("0.80000", "0.00850")
    assert (body["added_on"], body["renewal_date"]) == (str(row.rented_on), str(row.renewal_date))
    assert body["resource_uri"] == at(api, row.number)


def test_list_pages_newest_first_and_keeps_filters(api, account):
    numbers = [rent(owner_of(account)).number for _ in range(3)]
    body = api.ask(path=f"{at(api)}?limit=2&services=voice,sms").json()
    assert [one["number"] for one in body["objects"]] == numbers[:0:-1]
    assert "services=voice%2Csms" in body["meta"]["next"]
    assert [one["number"] for one in api.ask(path=body["meta"]["next"]).json()["objects"]] == numbers[:1]


def test_each_filter_narrows_the_list(api, account):
    actor = owner_of(account)
    sub, _ = make_subaccount(account)
    one = rent(actor, "12125559001").number
    toll = make_stock("18005559002", number_type="tollfree", has_sms=False, has_mms=True)
    two = rent(actor, toll.number, subaccount_id=sub.auth_id).number
    Number.unscoped.filter(number=one).update(alias="Desk", cnam_lookup=True, renewal_date="2030-01-02")
    assert listed(api, type="tollfree") == [two]
    assert listed(api, number_startswith="1212") == [one]
    assert listed(api, number_startswith="121255590019") == []
    assert listed(api, subaccount=sub.auth_id) == [two]
    assert listed(api, subaccount="SA" + "A" * 18) == []
    assert (listed(api, alias="Desk"), listed(api, alias="desk")) == ([one], [])
    assert (listed(api, services="mms"), listed(api, services="sms,mms")) == ([two], [])
    assert listed(api, cnam_lookup="enabled") == [one]
    assert listed(api, renewal_date="2030-01-02") == [one]
    assert listed(api, renewal_date__gt="2030-01-01", renewal_date__lt="2030-01-03") == [one]
    assert listed(api, renewal_date__gte="2030-01-02", renewal_date__lte="2030-01-02") == [one]
    assert listed(api, renewal_date__gt="2030-01-02") == []
    assert listed(api, tendlc_campaign_id="C1") == []


@pytest.mark.parametrize(
    "query",
    ["type=premium", "services=fax", "services=", "cnam_lookup=yes", "renewal_date=2030-02-30", "limit=21",
     "renewal_date__gt=tomorrow", "number_startswith=12a", "alias=%00", "alias=a&alias=b"],
)  # fmt: skip
def test_filter_that_makes_no_sense_is_refused(api, query):
    assert api.ask(path=f"{at(api)}?{query}").status_code == 400


def test_update_changes_what_is_given_and_nothing_else(api, account):
    app = Application.objects.create(account=account, app_id="1" * 17, name="Desk")
    number = rent(owner_of(account)).number
    sent = {
        "app_id": app.app_id,
        "alias": "Desk",
        "cnam_lookup": "enabled",
        "subaccount": None,
        "number": "1",
    }
    response = post(api, number, sent)
    assert (response.status_code, response.json()["message"]) == (202, "changed")
    assert post(api, number, {"alias": ""}).status_code == 202
    row = Number.unscoped.get()
    assert (row.application, row.alias, row.cnam_lookup, row.number) == (app, "", True, number)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"alias": None},
        {"alias": 5},
        {"alias": "x\u202ey"},
        {"alias": "x" * 101},
        {"cnam_lookup": True},
        {"app_id": "9" * 17},
        {"subaccount": "SA" + "Z" * 18},
        {"subaccount": ["SA"]},
    ],
)
def test_update_that_makes_no_sense_changes_nothing(api, account, body):
    number = rent(owner_of(account)).number
    assert post(api, number, body).status_code == 400
    row = Number.unscoped.get()
    assert (row.alias, row.subaccount, row.application) == ("", None, None)


def test_main_account_gives_a_number_to_a_subaccount_which_sees_it_alone(api, account):
    one, token = make_subaccount(account, "One")
    two, other_token = make_subaccount(account, "Two")
    as_one, as_two = Api(one.auth_id, token), Api(two.auth_id, other_token)
    number, mains = rent(owner_of(account)).number, rent(owner_of(account)).number
    assert post(api, number, {"subaccount": one.auth_id}).status_code == 202
    assert (listed(as_one), listed(as_two), listed(api)) == ([number], [], [mains, number])
    assert as_one.ask(path=at(as_one, number)).json()["sub_account"] == one.auth_id
    for method, body in (("GET", None), ("POST", {"alias": "mine"}), ("DELETE", {})):
        assert as_two.ask(method, body, path=at(as_two, number)).status_code == 404
        assert as_one.ask(method, body, path=at(as_one, mains)).status_code == 404
    refused = post(as_one, number, {"subaccount": two.auth_id})
    assert (refused.status_code, refused.json()["code"]) == (403, "main_account_only")
    assert post(as_one, number, {"alias": "Front"}).status_code == 202
    assert post(api, number, {"subaccount": ""}).status_code == 202
    assert listed(as_one) == []


def test_numbers_of_other_accounts_are_not_found(api, account):
    other = make_account("Elsewhere GmbH")
    pay(other, 5)
    theirs = rent(owner_of(other)).number
    for number in (theirs, "19999999999", "abc", "1%00", "9" * 40):
        for method, body in (("GET", None), ("POST", {"alias": "mine"}), ("DELETE", {})):
            assert api.ask(method, body, path=at(api, number)).status_code == 404
    assert Number.unscoped.get().number == theirs


def test_number_is_given_back(api, account):
    number = rent(owner_of(account)).number
    assert api.ask("DELETE", raw=b'""', path=at(api, number)).status_code == 204
    assert api.ask("DELETE", {}, path=at(api, number)).status_code == 404


def test_own_carrier_is_not_offered(api):
    assert api.ask("POST", {"numbers": "12125550100"}, path=at(api)).status_code == 405


# --- Free numbers


def test_search_shows_free_numbers_of_a_country(api, account):
    stock = make_stock("12125559001", setup_amount=1)
    make_stock("12135559002", city="Los Angeles", region="California", has_sms=False)
    rent(owner_of(account))

    def found(query):
        body = api.ask(path=f"{at(api, kind='PhoneNumber')}?country_iso=US&{query}").json()
        return [one["number"] for one in body["objects"]]

    assert found("") == [stock.number, "12135559002"]
    assert found("pattern=212") == found("region=New") == found("services=sms") == [stock.number]
    assert found("type=mobile") == []
    row = api.ask(path=f"{at(api, kind='PhoneNumber')}?country_iso=US").json()["objects"][0]
    assert (row["setup_rate"], row["prefix"], row["type"]) == ("1.00000", "1", "local")
    for query in ("", "country_iso=us", "country_iso=USA", "country_iso=US&pattern=2a"):
        assert api.ask(path=f"{at(api, kind='PhoneNumber')}?{query}").status_code == 400
    assert api.ask(path=f"{at(api, kind='PhoneNumber')}?country_iso=ZZ").json()["objects"] == []


def test_number_is_rented_once_however_often_it_is_asked_for(api, account):
    number = make_stock().number
    for _ in range(2):
        response = post(api, number, {}, kind="PhoneNumber")
        assert response.status_code == 201
        assert response.json()["numbers"] == [{"number": number, "status": "Success"}]
    assert LedgerEntry.objects.of(account).filter(kind="rental").count() == 1
    assert post(api, "19999999999", {}, kind="PhoneNumber").status_code == 404


def test_subaccount_rents_for_itself_and_the_account_pays(account):
    sub, token = make_subaccount(account)
    other, _ = make_subaccount(account, "Other")
    as_sub, number = Api(sub.auth_id, token), make_stock().number
    assert post(as_sub, number, {"subaccount": other.auth_id}, kind="PhoneNumber").status_code == 403
    assert post(as_sub, number, {}, kind="PhoneNumber").status_code == 201
    assert Number.unscoped.get().subaccount == sub


def test_balance_that_is_too_low_is_said(db):
    poor = make_account("Poor")
    api = Api(poor.auth_id, make_token(poor)[1])
    answer = post(api, make_stock().number, {}, kind="PhoneNumber")
    assert (answer.status_code, answer.json()["code"]) == (400, "balance_too_low")


def test_named_token_does_what_its_area_says(account):
    number = rent(owner_of(account)).number

    def statuses(permission):
        token = make_token(
            account, slot=None, kind="named", name="T", permissions=[permission], made_by=account.opened_by
        )[1]
        caller = Api(account.auth_id, token)
        return [caller.ask(path=at(caller)).status_code, post(caller, number, {"alias": "x"}).status_code]

    assert statuses("account:write") == [403, 403]
    assert statuses("number:read") == [200, 403]
    assert statuses("number:write") == [200, 202]
