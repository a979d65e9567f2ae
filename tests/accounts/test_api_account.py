"""``/v1/Account/{auth_id}/``: what it says, what it takes, and how it speaks."""

from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import Account
from accounts.services import api_use
from billing.services import post_entry
from console.core import ratelimit
from console.core.events import EventKind
from console.core.models import AuditEvent
from tests.accounts.api_caller import UUID, Api
from tests.factories import make_account, make_token

KEYS = {
    "account_type", "address", "api_id", "auth_id", "auto_recharge", "billing_mode", "cash_credits", "city", "name",
    "resource_uri", "state", "timezone",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_noted(monkeypatch):
    monkeypatch.setattr(api_use, "recent", api_use.Recent())
    monkeypatch.setattr(ratelimit, "_local", ratelimit._LocalBuckets())
    monkeypatch.setattr(ratelimit, "_outage", ratelimit._Outage())


@pytest.fixture
def account(db):
    return make_account("Halyard Logistics", city="Rotterdam", time_zone="Europe/Amsterdam")


@pytest.fixture
def api(account):
    _, token = make_token(account)
    return Api(account.auth_id, token)


# --- Reading


def test_account_has_exactly_these_keys(api, account):
    now = timezone.now()
    post_entry(account=account, kind="recharge", amount=Decimal("4.8886"), key="k", now=now)
    response = api.ask()
    body = response.json()
    assert response.status_code == 200
    assert set(body) == KEYS
    assert UUID.fullmatch(body.pop("api_id"))
    assert body == {
        "account_type": "developer", "address": "", "auth_id": account.auth_id, "auto_recharge": False,
        "billing_mode": "prepaid", "cash_credits": "4.88860", "city": "Rotterdam", "name": "Halyard Logistics",
        "resource_uri": f"/v1/Account/{account.auth_id}/", "state": "", "timezone": "Europe/Amsterdam",
    }  # fmt: skip


def test_answer_is_json_with_a_new_id_no_cookie_and_no_cache(api):
    first, second = api.ask(), api.ask()
    assert first.headers["Content-Type"] == "application/json"
    assert first.json()["api_id"] != second.json()["api_id"]
    assert not first.cookies
    assert first.headers["Cache-Control"] == "no-store"
    assert api.token not in first.content.decode()


def test_account_without_a_ledger_has_nothing(api):
    assert api.ask().json()["cash_credits"] == "0.00000"


@pytest.mark.parametrize("slashes", ["/", "//", "///"])
def test_slashes_at_the_end_need_no_redirect(api, slashes):
    path = f"/v1/Account/{api.auth_id}{slashes}"
    assert api.ask(path=path).status_code == 200
    assert api.ask("POST", {"city": "Delft"}, path=path).status_code == 202


@pytest.mark.parametrize("raw", [b'""', b"{}", b"not json", b'{"a": 1, "a": 2}'])
def test_body_of_get_is_not_read(api, raw):
    assert api.ask(raw=raw).status_code == 200


def test_head_is_answered_like_get(api):
    assert api.ask("HEAD").status_code == 200


def test_two_queries_at_most(api, django_assert_num_queries):
    api.ask()
    with django_assert_num_queries(2):
        api.ask()


# --- Changing


def test_given_fields_change_and_the_rest_stays(api, account):
    response = api.ask(
        "POST",
        {"name": "Halyard", "city": None, "address": "C/o తెలుగు", "state": "ZH", "timezone": "Asia/Kolkata"},
    )
    assert response.status_code == 202
    body = response.json()
    assert UUID.fullmatch(body.pop("api_id"))
    assert body == {"message": "changed"}
    account.refresh_from_db()
    assert (account.name, account.city, account.address, account.region, account.time_zone) == (
        "Halyard", "Rotterdam", "C/o తెలుగు", "ZH", "Asia/Kolkata",
    )  # fmt: skip
    event = AuditEvent.objects.get(kind=EventKind.ACCOUNT_UPDATED)
    assert (event.actor_kind, event.account_id, event.ip) == ("api", account.pk, "192.0.2.7")


def test_empty_text_clears_a_field(api, account):
    assert api.ask("POST", {"city": ""}).status_code == 202
    account.refresh_from_db()
    assert account.city == ""


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing"),
        ({"name": None, "city": None, "address": None}, "missing"),
        ({"unknown": "x"}, "missing"),
        ({"name": ""}, "wrong_length"),
        ({"name": "x" * 256}, "wrong_length"),
        ({"city": "x" * 256}, "wrong_length"),
        ({"state": "x" * 256}, "wrong_length"),
        ({"address": "x" * 401}, "wrong_length"),
        ({"timezone": "Mars/Olympus_Mons"}, "unknown_timezone"),
        ({"timezone": ""}, "unknown_timezone"),
        ({"timezone": "../../etc/passwd"}, "unknown_timezone"),
        ({"name": 5}, "wrong_type"),
        ({"name": ["a"]}, "wrong_type"),
        ({"name": {"a": 1}}, "wrong_type"),
        ({"city": True}, "wrong_type"),
        ({"name": "a\x00b"}, "bad_text"),
        ({"name": "a\nb"}, "profile_refused"),
        ({"name": "   "}, "profile_refused"),
    ],
)
def test_refused_change_changes_nothing(api, account, body, code):
    response = api.ask(
        "POST",
        {"state": "ZH", **body} if body and None not in body.values() and "unknown" not in body else body,
    )
    assert (response.status_code, response.json()["code"]) == (400, code)
    assert set(response.json()) == {"api_id", "error", "code"}
    state = Account.objects.values("name", "city", "region", "time_zone").get(pk=account.pk)
    assert state == {
        "name": "Halyard Logistics",
        "city": "Rotterdam",
        "region": "",
        "time_zone": "Europe/Amsterdam",
    }


def test_limits_themselves_are_accepted(api, account):
    assert api.ask("POST", {"name": "x" * 255, "address": "y" * 400}).status_code == 202


def test_no_other_field_of_the_row_can_be_written(api, account):
    fields = [field.attname for field in Account._meta.concrete_fields]
    before = Account.objects.values().get(pk=account.pk)
    evil = dict.fromkeys(
        [*fields, "cash_credits", "account_type", "auto_recharge", "resource_uri"], "standard"
    )
    evil = {name: value for name, value in evil.items() if name not in {"name", "city", "address"}}
    assert api.ask("POST", {**evil, "state": "ZH"}).status_code == 202
    assert Account.objects.values().get(pk=account.pk) == before | {"region": "ZH"}


def test_query_of_a_post_changes_nothing(api, account):
    response = api.ask("POST", {"state": "ZH"}, path=f"/v1/Account/{api.auth_id}/?city=Delft&auth_id=MAX")
    account.refresh_from_db()
    assert (response.status_code, account.city) == (202, "Rotterdam")


@pytest.mark.parametrize(
    "raw", [b"[]", b'"x"', b"7", b"null", b"", b'{"name": ', b'{"city": "a", "city": "b"}', b'{"city": NaN}']
)
def test_body_that_is_no_strict_object_is_400(api, raw):
    assert api.ask("POST", raw=raw).status_code == 400


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"]
)
def test_only_json_is_accepted(api, kind):
    response = api.ask("POST", raw=b"city=Delft", kind=kind)
    assert (response.status_code, response.json()["code"]) == (400, "content_type")


@pytest.mark.parametrize("size", [1_100_000, 3_000_000])
def test_oversize_body_is_413_in_json(api, size):
    response = api.ask("POST", raw=b'{"city": "' + b"x" * size + b'"}')
    assert (response.status_code, response.headers["Content-Type"]) == (413, "application/json")
    assert response.json()["code"] == "body_too_large"


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_405(api, method):
    response = api.ask(method, {})
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD, POST")
    assert set(response.json()) == {"api_id", "error", "code"}
