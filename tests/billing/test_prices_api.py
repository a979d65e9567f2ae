"""``/v1/Account/{auth_id}/Pricing/``: its shape, and whose prices it gives."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.accounts.api_caller import UUID, Api
from tests.billing.price_lists import publish
from tests.factories import make_account, make_subaccount, make_token

CONTRACT = [("voice", "DE", "outbound", "mobile", "491512", "", "Mobile, Telekom", "0.01000")]


@pytest.fixture
def account(db):
    publish()
    return make_account()


@pytest.fixture
def api(account):
    return Api(account.auth_id, make_token(account)[1])


def _ask(api, query="country_iso=DE", method="GET"):
    return api.ask(
        method,
        path=f"/v1/Account/{api.auth_id}/Pricing/?{query}",
        **({"body": {}} if method == "POST" else {}),
    )


def test_prices_have_exactly_this_shape(api):
    response = _ask(api)
    body = response.json()
    assert response.status_code == 200
    assert UUID.fullmatch(body.pop("api_id"))
    assert body == {
        "country": "Germany", "country_code": 49, "country_iso": "DE",
        "message": {
            "inbound": {"rate": "0.00000"}, "outbound": {"rate": "0.08900"},
            "outbound_networks_list": [{"group_name": "Germany - Telekom", "rate": "0.08420"}],
        },
        "phone_numbers": {"local": {"rate": "1.20000"}, "tollfree": {"rate": "8.00000"}},
        "voice": {
            "inbound": {"ip": {"rate": "0.00300"}, "local": {"rate": "0.00450"}, "tollfree": {"rate": None}},
            "outbound": {
                "ip": {"rate": "0.00300"}, "local": {"rate": "0.00980"}, "tollfree": {"rate": "0.00400"},
                "rates": [
                    {"prefix": ["49"], "rate": "0.00980"},
                    {"prefix": ["4915"], "rate": "0.02460"},
                    {"prefix": ["491512"], "rate": "0.02140"},
                    {"prefix": ["49800"], "rate": "0.00400"},
                ],
            },
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 400), ("country_iso=", 400), ("country_iso=USA", 400), ("country_iso=de", 400), ("country_iso=1A", 400),
     ("country_iso=ZZ", 404), ("country_iso=%00%00", 400), ("country_iso=DE&country_iso=FR", 400)],
)  # fmt: skip
def test_country_must_be_one(api, query, status):
    assert _ask(api, query).status_code == status


def test_country_without_prices_offers_nothing_and_post_is_refused(api):
    body = _ask(api, "country_iso=FR").json()
    assert body["phone_numbers"] == {}
    assert body["voice"]["outbound"] == {
        "ip": {"rate": None},
        "local": {"rate": None},
        "rates": [],
        "tollfree": {"rate": None},
    }
    assert _ask(api, method="POST").status_code == 405


def _mobile(api):
    rates = _ask(api).json()["voice"]["outbound"]["rates"]
    return next(each["rate"] for each in rates if each["prefix"] == ["491512"])


def test_contract_counts_for_its_account_alone_and_from_its_day(api, account):
    other = make_account("Other")
    strange = Api(other.auth_id, make_token(other)[1])
    assert _mobile(api) == _mobile(strange) == "0.02140"
    publish(CONTRACT, account=account, at=timezone.now() + timedelta(days=1))
    assert _mobile(api) == "0.02140"
    publish(CONTRACT, account=account)
    assert (_mobile(api), _mobile(strange)) == ("0.01000", "0.02140")
    publish([(*CONTRACT[0][:-1], "0.03000")])
    assert (_mobile(api), _mobile(strange)) == ("0.01000", "0.03000")


def test_subaccount_pays_the_prices_of_its_account(api, account):
    publish(CONTRACT, account=account)
    subaccount, token = make_subaccount(account)
    assert _mobile(Api(subaccount.auth_id, token)) == "0.01000"


def test_prices_that_were_asked_for_before_cost_one_query_that_says_so(api):
    _ask(api)
    with CaptureQueriesContext(connection) as second:
        _ask(api)
    assert [query["sql"] for query in second if 'FROM "billing_price"' in query["sql"]] == []
