"""``/v1/Account/{auth_id}/Application/``: what it says and takes, and who may call it."""

import pytest

from accounts.services import api_use
from console.core import api as kernel
from console.core import ratelimit
from console.core.events import EventKind
from console.core.models import AuditEvent
from subaccounts.models import Application, Endpoint, KeptAnswer
from subaccounts.services import answers
from tests.accounts.api_caller import Api
from tests.factories import make_account, make_subaccount, make_token

KEYS = {
    "answer_method", "answer_url", "api_id", "app_id", "app_name", "default_app", "default_endpoint_app", "enabled",
    "fallback_answer_url", "fallback_method", "hangup_method", "hangup_url", "log_incoming_messages",
    "message_method", "message_url", "public_uri", "resource_uri", "sip_uri", "sub_account",
}  # fmt: skip
URL = "https://voice.halyard.example/answer"


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


def at(api, app_id="", kind="Application"):
    return f"/v1/Account/{api.auth_id}/{kind}/" + (f"{app_id}/" if app_id else "")


def create(api, **body):
    response = api.ask("POST", {"app_name": "Dispatch-line"} | body, path=at(api))
    assert response.status_code == 201, response.json()
    return response.json()["app_id"]


def get(api, app_id):
    return api.ask(path=at(api, app_id)).json()


def phone(api, **body):
    facts = {"username": "gate", "password": "secret-pw-1", "alias": "Gate"} | body
    return api.ask("POST", facts, path=at(api, kind="Endpoint")).json()["endpoint_id"]


def test_new_application_has_exactly_these_keys(api, account):
    app_id = create(api, answer_url=URL)
    assert len(app_id) == 17
    body = get(api, app_id)
    assert set(body) == KEYS
    body.pop("api_id")
    assert body == {
        "answer_method": "POST", "answer_url": URL, "app_id": app_id, "app_name": "Dispatch-line",
        "default_app": False, "default_endpoint_app": False, "enabled": True, "fallback_answer_url": "",
        "fallback_method": "POST", "hangup_method": "POST", "hangup_url": URL, "log_incoming_messages": True,
        "message_method": "POST", "message_url": "", "public_uri": False,
        "resource_uri": f"/v1/Account/{account.auth_id}/Application/{app_id}/",
        "sip_uri": f"sip:{app_id}@app.sip.patchbay.example", "sub_account": None,
    }  # fmt: skip
    event = AuditEvent.objects.get(kind=EventKind.APPLICATION_CREATED)
    assert (event.actor_kind, event.data["app_id"], event.data["owner"]) == ("api", app_id, "main account")


def test_words_are_booleans_null_leaves_and_ids_in_the_body_are_ignored(api):
    app_id = create(api, answer_url=URL, message_url=URL, public_uri="true")
    body = {"app_id": "1" * 17, "auth_id": "MA" + "X" * 18, "answer_url": None, "answer_method": "GET"}
    body |= {"message_url": "", "log_incoming_messages": "false", "default_number_app": False}
    response = api.ask("POST", body, path=at(api, app_id))
    assert (response.status_code, response.json()["message"]) == (202, "changed")
    got = get(api, app_id)
    assert (got["answer_url"], got["answer_method"], got["message_url"]) == (URL, "GET", "")
    assert (got["public_uri"], got["log_incoming_messages"]) == (True, False)
    event = AuditEvent.objects.get(kind=EventKind.APPLICATION_CHANGED)
    assert event.data["before"] == {
        "answer_method": "POST",
        "message_url": URL,
        "log_incoming_messages": True,
    }
    api.ask("POST", body, path=at(api, app_id))
    assert AuditEvent.objects.filter(kind=EventKind.APPLICATION_CHANGED).count() == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"app_name": None}, "missing"),
        ({"app_name": ""}, "wrong_length"),
        ({"app_name": "x" * 101}, "wrong_length"),
        ({"app_name": "bad name!"}, "refused_value"),
        ({"app_name": "näme"}, "refused_value"),
        ({"app_name": "name\n"}, "refused_value"),
        ({"app_name": 5}, "wrong_type"),
        ({"answer_url": "nonsense"}, "refused_value"),
        ({"answer_url": "ftp://voice.example/x"}, "refused_value"),
        ({"answer_url": "javascript:alert(1)"}, "refused_value"),
        ({"answer_url": "https://user:secret@voice.example/x"}, "refused_value"),
        ({"answer_url": "https:///x"}, "refused_value"),
        ({"answer_url": "https://voice.example:99999/x"}, "refused_value"),
        ({"answer_url": "https://-bad-.example/x"}, "refused_value"),
        ({"answer_url": "https://voice.example/a b"}, "refused_value"),
        ({"answer_url": "https://voice.example/\r\nX: 1"}, "refused_value"),
        ({"answer_url": "https://voice.example/\u202e"}, "refused_value"),
        ({"answer_url": "https://" + "a" * 250 + "%"}, "refused_value"),
        ({"answer_url": "https://[::1"}, "refused_value"),
        ({"answer_url": "https://voice.example/" + "x" * 1000}, "wrong_length"),
        ({"message_url": "a\x00b"}, "bad_text"),
        ({"answer_method": "FETCH"}, "wrong_choice"),
        ({"answer_method": "get"}, "wrong_choice"),
        ({"default_number_app": "perhaps"}, "wrong_type"),
        ({"default_number_app": 1}, "wrong_type"),
        ({"subaccount": "SA" + "Z" * 18}, "unknown_subaccount"),
        ({"subaccount": "nobody"}, "unknown_subaccount"),
    ],
)
def test_refused_values_make_nothing(api, body, code):
    response = api.ask("POST", {"app_name": "ok", **body}, path=at(api))
    assert (response.status_code, response.json()["code"]) == (400, code)
    assert not Application.unscoped.exists()
    assert not KeptAnswer.unscoped.exists()
    assert not AuditEvent.objects.filter(kind=EventKind.APPLICATION_CREATED).exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://voice.example",
        "https://voice.example.:8443/a?b=%20#c",
        "https://[2001:db8::1]/x",
        "https://192.0.2.7/",
    ],
)
def test_addresses_of_servers_are_kept_as_they_are(api, url):
    assert get(api, create(api, answer_url=url))["answer_url"] == url


def test_each_owner_has_one_application_for_new_things(api, sub):
    first = create(api, default_number_app=True, default_endpoint_app=True)
    own = create(sub, default_endpoint_app=True)
    second = create(api, default_number_app="true")
    assert (get(api, first)["default_app"], get(api, first)["default_endpoint_app"]) == (False, True)
    assert get(api, second)["default_app"] is True
    assert get(sub, own)["default_endpoint_app"] is True
    api.ask("POST", {"default_endpoint_app": True}, path=at(api, second))
    assert (get(api, first)["default_endpoint_app"], get(api, own)["default_endpoint_app"]) == (False, True)


def test_list_pages_newest_first_and_keeps_its_filters(api, sub):
    create(api)
    made = [create(api, subaccount=sub.auth_id, app_name=f"a-{number}") for number in range(3)]
    body = api.ask(path=f"{at(api)}?subaccount={sub.auth_id}&limit=2").json()
    assert [each["app_id"] for each in body["objects"]] == [made[2], made[1]]
    assert body["meta"]["total_count"] == 3
    following = api.ask(path=body["meta"]["next"]).json()
    assert ([each["app_id"] for each in following["objects"]], following["meta"]["next"]) == ([made[0]], None)
    assert [each["app_id"] for each in api.ask(path=f"{at(api)}?app_name=a-1").json()["objects"]] == [made[1]]
    assert {each["app_id"] for each in sub_list(sub)} == set(made)
    assert api.ask(path=f"{at(api)}?subaccount=SA{'Z' * 18}").json()["objects"] == []
    assert api.ask(path=f"{at(api)}?limit=21").status_code == 400


def sub_list(sub):
    return sub.ask(path=at(sub)).json()["objects"]


def test_subaccount_names_nobody_but_itself(api, sub, account):
    other, _ = make_subaccount(account, "Other")
    own = create(sub, subaccount=sub.auth_id)
    assert get(sub, own)["resource_uri"] == f"/v1/Account/{sub.auth_id}/Application/{own}/"
    assert get(api, own)["sub_account"] == sub.auth_id
    response = sub.ask("POST", {"app_name": "x", "subaccount": other.auth_id}, path=at(sub))
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    response = sub.ask("POST", {"subaccount": other.auth_id}, path=at(sub, own))
    assert (response.status_code, get(api, own)["sub_account"]) == (403, sub.auth_id)


def test_main_account_moves_an_application_with_its_endpoints(api, sub, account):
    app_id = create(api, default_endpoint_app=True)
    endpoint = phone(api)
    assert api.ask("POST", {"subaccount": sub.auth_id}, path=at(api, app_id)).status_code == 202
    assert (get(sub, app_id)["default_endpoint_app"], get(sub, app_id)["sub_account"]) == (False, sub.auth_id)
    assert sub.ask(path=at(sub, endpoint, "Endpoint")).json()["sub_account"] == sub.auth_id
    event = AuditEvent.objects.get(kind=EventKind.APPLICATION_MOVED)
    assert (event.data["after"], event.data["endpoints"]) == ({"owner": sub.auth_id}, 1)
    api.ask("POST", {"subaccount": ""}, path=at(api, app_id))
    assert sub.ask(path=at(sub, app_id)).status_code == 404


# --- Delete


def test_delete_takes_endpoints_along_unless_it_is_told_otherwise(api):
    goes, stays = create(api), phone(api)
    endpoint = phone(api, app_id=goes)
    assert api.ask("DELETE", raw=b'""', path=at(api, goes)).status_code == 204
    assert api.ask(path=at(api, goes)).status_code == 404
    assert api.ask(path=at(api, endpoint, "Endpoint")).status_code == 404
    assert api.ask(path=at(api, stays, "Endpoint")).status_code == 200
    event = AuditEvent.objects.get(kind=EventKind.APPLICATION_DELETED)
    assert (event.data["endpoints"], event.data["endpoints_deleted"]) == (1, True)


@pytest.mark.parametrize("form", ["body", "query"])
def test_endpoints_that_stay_go_to_the_new_application_or_to_none(api, form):
    first, second = create(api), create(api)
    endpoint = phone(api, app_id=first)
    how = {"cascade": "false", "new_endpoint_application": second}
    if form == "body":
        api.ask("DELETE", how, path=at(api, first))
    else:
        api.ask("DELETE", path=f"{at(api, first)}?cascade=false&new_endpoint_application={second}")
    assert api.ask(path=at(api, endpoint, "Endpoint")).json()["application"].endswith(f"/{second}/")
    api.ask("DELETE", {"cascade": False, "app_id": "1" * 17}, path=at(api, second))
    assert api.ask(path=at(api, endpoint, "Endpoint")).json()["application"] is None


@pytest.mark.parametrize(
    "how",
    [
        {"new_endpoint_application": "1" * 17, "cascade": False},
        {"new_endpoint_application": "own", "cascade": False},
        {"new_endpoint_application": "other", "cascade": True},
        {"new_endpoint_application": "other"},
        {"cascade": "perhaps"},
    ],
)
def test_refused_delete_deletes_nothing(api, how):
    app_id, other = create(api), create(api)
    endpoint = phone(api, app_id=app_id)
    heir = {"own": app_id, "other": other}.get(how.get("new_endpoint_application"))
    how |= {"new_endpoint_application": heir} if heir else {}
    assert api.ask("DELETE", how, path=at(api, app_id)).status_code == 400
    assert get(api, app_id)["app_id"] == app_id
    assert Endpoint.unscoped.get().endpoint_id == endpoint


# --- A call whose answer was lost


def lose(monkeypatch):
    """Have the answers of the next calls never leave: nobody is told that they have."""
    monkeypatch.setattr(answers, "_forgetter", lambda digest: None)
    monkeypatch.setattr(answers, "_PATIENCE_SECONDS", 0)


def test_same_call_after_a_lost_answer_gets_it_and_does_nothing_again(api, monkeypatch):
    with monkeypatch.context() as patch:
        lose(patch)
        app_id = create(api)
    assert KeptAnswer.unscoped.count() == 1
    assert create(api) == app_id
    assert (Application.unscoped.count(), KeptAnswer.unscoped.count()) == (1, 0)
    assert create(api) != app_id


def test_delete_after_a_lost_answer_is_done(api, monkeypatch):
    app_id = create(api)
    with monkeypatch.context() as patch:
        lose(patch)
        assert api.ask("DELETE", path=at(api, app_id)).status_code == 204
    assert api.ask("DELETE", path=at(api, app_id)).status_code == 204
    assert api.ask("DELETE", path=at(api, app_id)).status_code == 404


def test_another_call_another_token_or_a_minute_later_is_a_new_one(api, account, settings, monkeypatch):
    other = Api(account.auth_id, make_token(account, slot=2)[1])
    lose(monkeypatch)
    made = {create(api), create(api, answer_url=URL), create(other)}
    settings.CONSOLE_LOST_ANSWER_SECONDS = -1
    assert len(made | {create(api)}) == 4


def test_kept_answer_holds_no_password(api, monkeypatch):
    lose(monkeypatch)
    phone(api)
    kept = KeptAnswer.unscoped.get()
    assert "secret-pw-1" not in str(kept.body)
    assert kept.status == 201


def test_server_error_after_the_change_makes_no_duplicate(api, monkeypatch):
    whole, broken = kernel.json_reply, ["once"]
    monkeypatch.setattr(answers, "_PATIENCE_SECONDS", 0)
    monkeypatch.setattr(kernel, "json_reply", lambda *facts: broken.pop() / 0 if broken else whole(*facts))
    api.client.raise_request_exception = False
    assert api.ask("POST", {"app_name": "Dispatch-line"}, path=at(api)).status_code == 500
    create(api)
    assert Application.unscoped.count() == 1
