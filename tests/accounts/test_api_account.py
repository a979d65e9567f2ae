"""``/v1/Account/{auth_id}/``: who may call it, what it says, what it takes, and how it speaks."""

import base64
import json
import re
from datetime import timedelta
from decimal import Decimal

import pytest
import redis
from django.test import Client
from django.utils import timezone
from redis.backoff import NoBackoff
from redis.retry import Retry

from accounts.models import Account, ApiIdentity, Credential
from accounts.services import api_use, credentials
from accounts.tasks.credentials import flush_last_use
from billing.models import Balance
from console.core import crypto, ratelimit
from console.core.access import Actor
from console.core.events import EventKind
from console.core.models import AuditEvent
from tests.core.test_api_kernel import MALFORMED
from tests.factories import make_account, make_token

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
KEYS = {
    "account_type", "address", "api_id", "auth_id", "auto_recharge", "billing_mode", "cash_credits", "city", "name",
    "resource_uri", "state", "timezone",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_noted(monkeypatch):
    monkeypatch.setattr(api_use, "recent", api_use.Recent())
    monkeypatch.setattr(ratelimit, "_local", ratelimit._LocalBuckets())
    monkeypatch.setattr(ratelimit, "_outage", ratelimit._Outage())


class Api:
    """A caller of the API, over Django's test client."""

    def __init__(self, auth_id, token, address="192.0.2.7"):
        self.auth_id, self.token, self.address = auth_id, token, address
        self.client = Client(enforce_csrf_checks=True)

    @property
    def header(self):
        return "Basic " + base64.b64encode(f"{self.auth_id}:{self.token}".encode()).decode()

    def ask(
        self, method="GET", body=None, *, path="", raw=None, kind="application/json", header=None, **headers
    ):
        path = path or f"/v1/Account/{self.auth_id}/"
        sent = raw if raw is not None else json.dumps(body).encode() if body is not None else b""
        headers = {"Authorization": self.header if header is None else header, **headers}
        return self.client.generic(
            method, path, sent, content_type=kind, headers=headers, REMOTE_ADDR=self.address
        )


@pytest.fixture
def account(db):
    return make_account("Halyard Logistics", city="Rotterdam", time_zone="Europe/Amsterdam")


@pytest.fixture
def api(account):
    _, token = make_token(account)
    return Api(account.auth_id, token)


# --- Reading


def test_account_has_exactly_these_keys(api, account):
    Balance.objects.create(account=account, amount=Decimal("4.8886"))
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


# --- Who may call


def refused(response):
    body = response.json()
    assert UUID.fullmatch(body.pop("api_id"))
    assert response.headers["WWW-Authenticate"] == 'Basic realm="Patchbay API", charset="UTF-8"'
    assert response.headers["Content-Type"] == "application/json"
    return response.status_code, body


NO = (401, {"error": "authentication failed", "code": "unauthorized"})


@pytest.mark.parametrize("header", [each for each in MALFORMED if each.isprintable()])
def test_malformed_credentials_are_401(api, header):
    assert refused(api.ask(header=header)) == NO


def test_every_wrong_credential_gets_the_same_answer(api, account):
    other = make_account("Elsewhere")
    _, others_token = make_token(other)
    wrong = [
        (api.auth_id, api.token[:-1] + "x"),
        (api.auth_id, api.token.swapcase()),
        (api.auth_id, ""),
        ("", api.token),
        ("MA" + "Q" * 18, api.token),
        (api.auth_id.lower(), api.token),
        (api.auth_id, others_token),
        (other.auth_id, others_token),
        (api.auth_id, "x" * 1000),
        (api.auth_id, "ключ"),
    ]
    path = f"/v1/Account/{api.auth_id}/"
    assert [refused(Api(*pair).ask(path=path)) for pair in wrong] == [NO] * len(wrong)


def test_known_and_unknown_auth_ids_cost_the_same_queries(api, django_assert_num_queries):
    for auth_id in (api.auth_id, "MA" + "Q" * 18, "nonsense"):
        with django_assert_num_queries(1):
            assert Api(auth_id, "wrong").ask().status_code == 401


@pytest.mark.parametrize("state", [state for state in Account.State if state != Account.State.ACTIVE])
def test_account_that_is_not_active_cannot_call(api, account, state):
    Account.objects.filter(pk=account.pk).update(state=state)
    assert refused(api.ask()) == NO


def test_disabled_identity_cannot_call(api):
    ApiIdentity.objects.filter(auth_id=api.auth_id).update(is_enabled=False)
    assert refused(api.ask()) == NO


def test_token_stops_at_its_end_without_any_task(api):
    Credential.objects.update(ends_at=timezone.now() + timedelta(minutes=1))
    assert api.ask().status_code == 200
    Credential.objects.update(ends_at=timezone.now())
    assert refused(api.ask()) == NO


def test_revoked_token_fails_on_the_next_call(api, account):
    assert api.ask().status_code == 200
    public_id = Credential.objects.get().public_id
    credentials.revoke_token(actor=Actor.system(account), public_id=public_id, now=timezone.now())
    assert refused(api.ask()) == NO


def test_both_live_tokens_open_the_account(api, account):
    _, second = make_token(account, slot=2)
    assert Api(api.auth_id, second).ask().status_code == 200
    assert api.ask().status_code == 200


def test_subaccount_sees_nothing_of_the_account(api, account):
    identity = ApiIdentity.objects.create(
        auth_id="SA" + "B" * 18, account=account, kind=ApiIdentity.Kind.SUBACCOUNT
    )
    token = crypto.make_token("pbt")
    Credential.objects.create(
        identity=identity, slot=1, prefix="pbt_x", last_four=token[-4:], digest=crypto.token_digest(token)
    )
    sub = Api(identity.auth_id, token)
    for response in (sub.ask(), sub.ask("POST", {"city": "Delft"})):
        assert (response.status_code, response.json()["code"]) == (403, "main_account_only")
    assert refused(sub.ask(path=f"/v1/Account/{api.auth_id}/")) == NO


def test_session_cookie_opens_nothing(cast):
    client = cast.sign_in(Client(), "owner")
    assert client.get(f"/v1/Account/{cast.account.auth_id}/").status_code == 401


# --- Unknown addresses


def test_unknown_address_below_the_account_is_404_for_the_caller_and_401_for_others(api):
    path = f"/v1/Account/{api.auth_id}/NoSuchThing/"
    found = api.ask(path=path)
    assert (found.status_code, found.json()["code"], found.json()["objects"]) == (404, "not_found", [])
    wrong = Api(api.auth_id, "wrong")
    answer = wrong.ask(path=path)
    assert (answer.status_code, answer.json()["objects"]) == (401, [])
    assert refused(wrong.ask("POST", {}, path=path)) == NO


@pytest.mark.parametrize("path", ["/v1/", "/v1/nothing", "/v1/Account/", "/v1/Account"])
def test_unknown_address_is_404_in_json(client, db, path):
    response = client.get(path)
    assert (response.status_code, response.headers["Content-Type"]) == (404, "application/json")
    assert response.json()["error"] == "not found"


def test_server_error_is_json(api, monkeypatch):
    monkeypatch.setattr("accounts.api._money_reader", lambda: 1 / 0)
    api.client.raise_request_exception = False
    response = api.ask()
    assert (response.status_code, response.json()["code"]) == (500, "server_error")


# --- Limits


def test_limit_is_stated_and_kept(api, settings):
    settings.CONSOLE_API_REQUESTS = 3
    answers = [api.ask() for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    last = answers[-1]
    assert last.headers["X-RateLimit-Limit"] == "3"
    assert 1 <= int(last.headers["Retry-After"]) <= 5
    assert 1 <= int(last.headers["X-RateLimit-Reset"]) <= 5
    assert last.headers["RateLimit-Policy"] == '"account";q=3;w=5'
    assert re.fullmatch(r'"account";r=0;t=[1-5]', last.headers["RateLimit"])
    assert last.json()["code"] == "too_many_requests"


def test_subaccounts_count_with_their_account(api, account, settings):
    settings.CONSOLE_API_REQUESTS = 1
    identity = ApiIdentity.objects.create(
        auth_id="SA" + "B" * 18, account=account, kind=ApiIdentity.Kind.SUBACCOUNT
    )
    token = crypto.make_token("pbt")
    Credential.objects.create(
        identity=identity, slot=1, prefix="pbt_x", last_four=token[-4:], digest=crypto.token_digest(token)
    )
    assert Api(identity.auth_id, token).ask().status_code == 403
    assert api.ask().status_code == 429


def test_other_accounts_do_not_share_the_limit(api, settings):
    settings.CONSOLE_API_REQUESTS = 1
    other = make_account("Elsewhere")
    assert api.ask().status_code == 200
    assert Api(other.auth_id, make_token(other)[1]).ask().status_code == 200


def test_network_that_keeps_failing_is_slowed_but_good_credentials_pass(api, settings):
    settings.CONSOLE_API_FAILURES = 2
    wrong = Api(api.auth_id, "wrong")
    assert [wrong.ask().status_code for _ in range(3)] == [401, 401, 429]
    assert int(wrong.ask().headers["Retry-After"]) >= 1
    assert api.ask().status_code == 200
    wrong.address = "198.51.100.1"
    assert wrong.ask().status_code == 401


# --- Last use


def test_last_use_is_flushed_by_the_task_and_never_by_the_call(api, django_assert_num_queries):
    api.ask(**{"User-Agent": "plivo-python/4.63"})
    token = Credential.objects.get()
    assert token.last_used_at is None
    flush_last_use()
    token.refresh_from_db()
    assert (token.last_used_ip, token.last_used_agent) == ("192.0.2.7", "plivo-python/4.63")
    assert timezone.now() - token.last_used_at < timedelta(minutes=1)


def test_older_note_never_replaces_a_newer_one(api):
    newer = timezone.now() + timedelta(hours=1)
    Credential.objects.update(last_used_at=newer, last_used_ip="198.51.100.1")
    api.ask()
    flush_last_use()
    token = Credential.objects.get()
    assert (token.last_used_at, token.last_used_ip) == (newer, "198.51.100.1")


def test_flush_takes_up_what_a_dead_one_left(api):
    api.ask()
    ratelimit.valkey().rename("api:last-use", "api:last-use:taken")
    flush_last_use()
    assert Credential.objects.get().last_used_ip == "192.0.2.7"
    assert ratelimit.valkey().keys("api:last-use*") == []


def test_busy_caller_is_noted_once_a_second(api, monkeypatch):
    notes = []
    monkeypatch.setattr(api_use, "try_valkey", notes.append)
    for _ in range(3):
        api.ask()
    assert len(notes) == 1
    Api(api.auth_id, api.token, "198.51.100.1").ask()
    assert len(notes) == 2


def test_api_works_while_valkey_is_away(api, monkeypatch, settings, caplog):
    gone = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    monkeypatch.setattr(ratelimit, "valkey", lambda: gone)
    settings.CONSOLE_API_REQUESTS = 3
    with caplog.at_level("WARNING", "console.ratelimit"):
        answers = [Api(api.auth_id, api.token, f"192.0.2.{n}").ask() for n in range(4)]
        assert Api(api.auth_id, "wrong").ask().status_code == 401
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert len([line for line in caplog.records if "valkey" in line.message]) == 1


# --- The trace of refused calls


def test_refused_calls_leave_one_event_an_hour_in_the_chain_of_the_account(api, account):
    for _ in range(3):
        Api(api.auth_id, "wrong").ask()
    Api("MA" + "Q" * 18, "wrong").ask()
    Api("nonsense", "wrong").ask()
    assert not AuditEvent.objects.filter(kind=EventKind.API_CALL_REFUSED).exists()
    flush_last_use()
    event = AuditEvent.objects.get(kind=EventKind.API_CALL_REFUSED)
    assert (event.account_id, event.data) == (account.pk, {"network": "192.0.2.0/24", "tries": 3})
    Api(api.auth_id, "wrong").ask()
    flush_last_use()
    assert AuditEvent.objects.filter(kind=EventKind.API_CALL_REFUSED).count() == 1


def test_token_is_never_logged(api, caplog):
    with caplog.at_level("DEBUG"):
        api.ask()
        Api(api.auth_id, api.token + "x").ask()
    assert api.token not in "".join(str(vars(line)) for line in caplog.records)
