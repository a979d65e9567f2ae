"""``/v1/Account/{auth_id}/Endpoint/``: what it says and takes, what becomes of passwords, and two at once."""

import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from accounts.services import api_use
from console.core import ratelimit
from console.core.events import EventKind
from console.core.models import AuditEvent
from subaccounts.models import Application, Endpoint
from tests.accounts.api_caller import Api
from tests.factories import make_account, make_subaccount, make_token

KEYS = {
    "alias", "api_id", "application", "endpoint_id", "resource_uri", "sip_registered", "sip_uri", "sub_account",
    "username",
}  # fmt: skip
GOOD = {"username": "gate", "password": "secret-pw-1", "alias": "Gate_1-a"}


@pytest.fixture(autouse=True)
def _nothing_noted(monkeypatch):
    monkeypatch.setattr(api_use, "recent", api_use.Recent())
    monkeypatch.setattr(ratelimit, "_local", ratelimit._LocalBuckets())
    monkeypatch.setattr(ratelimit, "_outage", ratelimit._Outage())


@pytest.fixture
def account(db):
    return make_account()


@pytest.fixture
def api(account):
    return Api(account.auth_id, make_token(account)[1])


@pytest.fixture
def sub(account):
    made, token = make_subaccount(account)
    return Api(made.auth_id, token)


def at(api, endpoint_id=""):
    return f"/v1/Account/{api.auth_id}/Endpoint/" + (f"{endpoint_id}/" if endpoint_id else "")


def create(api, **body):
    response = api.ask("POST", GOOD | body, path=at(api))
    assert response.status_code == 201, response.json()
    return response.json()


def app(api, **body):
    path = f"/v1/Account/{api.auth_id}/Application/"
    return api.ask("POST", {"app_name": "Line"} | body, path=path).json()["app_id"]


def test_new_endpoint_has_exactly_these_keys(api, account):
    made = create(api)
    assert set(made) == {"api_id", "alias", "endpoint_id", "message", "username"}
    assert re.fullmatch(r"gate[0-9]{12}", made["username"])
    body = api.ask(path=f"{at(api, made['endpoint_id'])}?endpoint_id={made['endpoint_id']}").json()
    assert set(body) == KEYS
    body.pop("api_id")
    assert body == {
        "alias": "Gate_1-a", "application": None, "endpoint_id": made["endpoint_id"], "sip_registered": "false",
        "resource_uri": f"/v1/Account/{account.auth_id}/Endpoint/{made['endpoint_id']}/",
        "sip_uri": f"sip:{made['username']}@phone.sip.patchbay.example", "sub_account": None,
        "username": made["username"],
    }  # fmt: skip


def test_password_is_kept_as_the_hashes_of_sip_digest_and_sealed(api, settings):
    made = create(api)
    endpoint = Endpoint.unscoped.get()
    assert b"secret-pw-1" not in bytes(endpoint.sealed_hashes)
    text = f"{made['username']}:{settings.SIP_PHONE_HOST}:secret-pw-1".encode()
    md5, sha = hashlib.md5(text).hexdigest(), hashlib.sha256(text).hexdigest()
    assert json.loads(endpoint.hashes) == {"realm": settings.SIP_PHONE_HOST, "MD5": md5, "SHA-256": sha}
    assert md5.encode() not in bytes(endpoint.sealed_hashes)
    for event in AuditEvent.objects.all():
        assert "secret-pw-1" not in str(event.data)
    api.ask("POST", {"password": "another-pw"}, path=at(api, made["endpoint_id"]))
    endpoint.refresh_from_db()
    assert json.loads(endpoint.hashes)["MD5"] != md5
    assert AuditEvent.objects.get(kind=EventKind.ENDPOINT_CHANGED).data["has_new_password"] is True


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"username": None}, "missing"),
        ({"username": "1abc"}, "refused_value"),
        ({"username": "a_b"}, "refused_value"),
        ({"username": "ñandu"}, "refused_value"),
        ({"username": "a" * 26}, "wrong_length"),
        ({"password": None}, "missing"),
        ({"password": "four"}, "wrong_length"),
        ({"password": "x" * 101}, "wrong_length"),
        ({"password": "secret\u202epw"}, "refused_value"),
        ({"password": ["secret-pw"]}, "wrong_type"),
        ({"alias": None}, "missing"),
        ({"alias": "bad!"}, "refused_value"),
        ({"app_id": "1" * 17}, "unknown_application"),
        ({"app_id": "1\x002"}, "bad_text"),
        ({"app_id": 5}, "wrong_type"),
    ],
)
def test_refused_values_make_nothing(api, change, code):
    body = {name: value for name, value in (GOOD | change).items() if value is not None}
    response = api.ask("POST", body, path=at(api))
    assert (response.status_code, response.json()["code"]) == (400, code)
    assert "secret" not in response.content.decode()
    assert not Endpoint.unscoped.exists()


def test_endpoint_goes_where_its_application_is(api, sub):
    app(api, default_endpoint_app=True)
    own = app(sub)
    assert api.ask(path=at(api, create(api)["endpoint_id"])).json()["application"] is not None
    assert sub.ask(path=at(sub, create(sub)["endpoint_id"])).json()["application"] is None
    made = create(api, app_id=own)["endpoint_id"]
    body = sub.ask(path=at(sub, made)).json()
    assert body["application"] == f"/v1/Account/{sub.auth_id}/Application/{own}/"
    assert body["sub_account"] == sub.auth_id
    free = create(api, app_id=app(api))["endpoint_id"]
    assert sub.ask("POST", {"alias": "x"}, path=at(sub, free)).status_code == 404
    assert api.ask("POST", {"app_id": own}, path=at(api, free)).status_code == 202
    assert sub.ask("POST", {"app_id": ""}, path=at(sub, free)).status_code == 202
    assert sub.ask(path=at(sub, free)).json()["application"] is None
    foreign = app(api)
    assert sub.ask("POST", {"app_id": foreign}, path=at(sub, free)).status_code == 400


def test_list_change_and_delete(api, sub):
    made = [create(api)["endpoint_id"] for _ in range(2)] + [create(sub)["endpoint_id"]]
    listed = api.ask(path=at(api)).json()["objects"]
    assert [each["endpoint_id"] for each in listed] == made[::-1]
    assert [each["endpoint_id"] for each in sub.ask(path=at(sub)).json()["objects"]] == made[2:]
    narrowed = api.ask(path=f"{at(api)}?subaccount={sub.auth_id}").json()["objects"]
    assert [each["endpoint_id"] for each in narrowed] == made[2:]
    body = {"alias": "renamed", "password": None, "app_id": None, "endpoint_id": made[1]}
    assert api.ask("POST", body, path=at(api, made[0])).status_code == 202
    assert api.ask("POST", body, path=at(api, made[0])).status_code == 202
    assert api.ask(path=at(api, made[0])).json()["alias"] == "renamed"
    assert AuditEvent.objects.filter(kind=EventKind.ENDPOINT_CHANGED).count() == 1
    assert api.ask("POST", {}, path=at(api, made[0])).json()["code"] == "missing"
    assert api.ask("POST", {}, path=at(api, "1" * 14)).status_code == 404
    assert api.ask("DELETE", raw=b"{}", path=at(api, made[0])).status_code == 204
    assert api.ask(path=at(api, made[0])).status_code == 404
    assert AuditEvent.objects.filter(kind=EventKind.ENDPOINT_DELETED).count() == 1


def test_account_has_room_for_so_many(api, settings):
    settings.CONSOLE_ENDPOINTS = settings.CONSOLE_APPLICATIONS = 1
    create(api)
    app(api)
    for path, body in ((at(api), GOOD), (f"/v1/Account/{api.auth_id}/Application/", {"app_name": "x"})):
        response = api.ask("POST", body, path=path)
        assert (response.status_code, response.json()["code"]) == (400, "limit")


@pytest.mark.transactional
@pytest.mark.django_db(transaction=True)
def test_two_that_want_to_be_the_default_at_once_leave_one(transactional_db):
    account = make_account()
    token = make_token(account)[1]

    def make(number):
        try:
            caller = Api(account.auth_id, token)
            path = f"/v1/Account/{account.auth_id}/Application/"
            body = {"app_name": f"line-{number}", "default_number_app": True, "default_endpoint_app": True}
            return caller.ask("POST", body, path=path).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(make, range(4))) == [201] * 4
    assert Application.unscoped.filter(default_number_app=True).count() == 1
    assert Application.unscoped.filter(default_endpoint_app=True).count() == 1


@pytest.mark.transactional
@pytest.mark.django_db(transaction=True)
def test_same_call_twice_at_once_never_breaks(transactional_db):
    account = make_account()
    token = make_token(account)[1]

    def make(_):
        try:
            caller = Api(account.auth_id, token)
            return caller.ask("POST", GOOD, path=at(caller)).json()["endpoint_id"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        made = set(pool.map(make, range(3)))
    assert {endpoint.endpoint_id for endpoint in Endpoint.unscoped.all()} == made
