"""Who may call the HTTP API, how often, and what is remembered of it."""

import re
from datetime import timedelta

import pytest
import redis
from django.test import Client
from django.utils import timezone
from redis.backoff import NoBackoff
from redis.retry import Retry

from accounts.models import Account, ApiIdentity, Credential
from accounts.services import api_use, credentials
from accounts.tasks.credentials import flush_last_use
from console.core import ratelimit
from console.core.access import Actor
from console.core.events import EventKind
from console.core.models import AuditEvent
from tests.accounts.api_caller import UUID, Api
from tests.core.test_api_kernel import MALFORMED
from tests.factories import make_account, make_subaccount, make_token


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
        (api.auth_id, api.token[:-1] + ("y" if api.token.endswith("x") else "x")),
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
    made, token = make_subaccount(account)
    sub = Api(made.auth_id, token)
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
    sub, token = make_subaccount(account)
    assert Api(sub.auth_id, token).ask().status_code == 403
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
