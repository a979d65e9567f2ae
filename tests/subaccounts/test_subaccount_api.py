"""``/v1/Account/{auth_id}/Subaccount/``: what it says and takes, who may call it, and the SDK against it."""

import re

import pytest
from plivo.exceptions import AuthenticationError, ForbiddenError

from accounts.models import ApiIdentity, Credential
from accounts.services import api_use
from console.core import ratelimit
from console.core.events import EventKind
from console.core.models import AuditEvent
from console.core.permissions import Permission
from subaccounts.api import subaccounts as api_module
from subaccounts.models import Subaccount
from subaccounts.services import subaccounts as services
from tests.accounts.api_caller import Api
from tests.factories import make_account, make_subaccount, make_token
from tests.sdk import LoopbackOnly, connect, lead_to

KEYS = {
    "account", "auth_id", "auth_token", "created", "enabled", "modified", "name", "new_auth_token", "resource_uri",
}  # fmt: skip


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


def at(api, auth_id=""):
    return f"/v1/Account/{api.auth_id}/Subaccount/" + (f"{auth_id}/" if auth_id else "")


def create(api, **body):
    return api.ask("POST", {"name": "Driver app"} | body, path=at(api))


# --- Create, read, change


def test_token_is_in_the_answer_to_create_and_nowhere_else(api):
    body = create(api, enabled=True).json()
    assert (body["message"], len(body["auth_token"])) == ("created", 46)
    assert re.fullmatch(r"SA[A-Z0-9]{18}", body["auth_id"])
    got = api.ask(path=at(api, body["auth_id"])).json()
    masked = "*" * 42 + body["auth_token"][-4:]
    assert (got["auth_token"], got["new_auth_token"]) == (masked, masked)
    assert set(got) == KEYS | {"api_id"}
    assert (got["enabled"], got["modified"], got["name"]) == (True, None, "Driver app")
    assert got["resource_uri"] == at(api, body["auth_id"])
    assert got["account"] == f"/v1/Account/{api.auth_id}/"
    listed = api.ask(path=at(api)).json()["objects"]
    assert [set(row) for row in listed] == [KEYS]
    assert body["auth_token"] not in str([got, listed, list(AuditEvent.objects.values_list("data"))])


def test_two_live_tokens_are_the_older_and_the_newer_and_none_is_empty(api, account):
    sub, token = make_subaccount(account)
    second = Credential.objects.create(
        identity=sub.identity, slot=2, prefix="pbt_x", last_four="wxyz", digest=b"d"
    )
    got = api.ask(path=at(api, sub.auth_id)).json()
    assert (got["auth_token"][-4:], got["new_auth_token"][-4:]) == (token[-4:], "wxyz")
    second.identity.credentials.all().delete()
    got = api.ask(path=at(api, sub.auth_id)).json()
    assert (got["auth_token"], got["new_auth_token"]) == ("", "")


@pytest.mark.parametrize(
    ("body", "enabled"), [({}, False), ({"enabled": "true"}, True), ({"enabled": None}, False)]
)
def test_create_takes_booleans_as_words_and_is_off_by_default(api, body, enabled):
    made = create(api, **body).json()
    assert ApiIdentity.objects.get(auth_id=made["auth_id"]).is_enabled is enabled


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""}, {"name": "  "}, {"name": None}, {"name": "a\u202eb"}, {"name": "x" * 256}, {"name": ["x"]},
        {"enabled": "maybe"}, {"enabled": 1},
    ],
)  # fmt: skip
def test_refused_bodies_make_nothing(api, body):
    answer = create(api, **body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert not Subaccount.unscoped.exists()


def test_update_changes_what_is_said_and_nothing_else(api, account):
    sub, _ = make_subaccount(account)
    foreign = {"name": "Night", "auth_id": "SA" + "Z" * 18, "auth_token": "x" * 40}
    answer = api.ask("POST", foreign, path=at(api, sub.auth_id))
    assert (answer.status_code, answer.json()["message"]) == (202, "changed")
    sub.refresh_from_db()
    assert (sub.name, sub.identity.is_enabled, sub.modified_at is None) == ("Night", True, False)
    assert api.ask("POST", {"enabled": False}, path=at(api, sub.auth_id)).status_code == 400
    api.ask("POST", {"name": "Night", "enabled": "false"}, path=at(api, sub.auth_id))
    kinds = list(AuditEvent.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == [EventKind.SUBACCOUNT_RENAMED, EventKind.SUBACCOUNT_DISABLED]


# --- List


def test_list_pages_newest_first(api, account):
    ids = [make_subaccount(account, f"Shop {number}")[0].auth_id for number in range(5)]
    make_subaccount(make_account("Elsewhere"))
    first = api.ask(path=at(api) + "?limit=2").json()
    assert [row["auth_id"] for row in first["objects"]] == [ids[4], ids[3]]
    assert first["meta"] == {
        "limit": 2, "offset": 0, "total_count": 5, "previous": None, "next": at(api) + "?limit=2&offset=2",
    }  # fmt: skip
    last = api.ask(path=at(api) + "?limit=2&offset=4").json()
    assert [row["auth_id"] for row in last["objects"]] == [ids[0]]
    assert (last["meta"]["next"], last["meta"]["previous"]) == (None, at(api) + "?limit=2&offset=2")
    beyond = api.ask(path=at(api) + "?offset=9007199254740991").json()
    assert (beyond["objects"], beyond["meta"]["total_count"], beyond["meta"]["limit"]) == ([], 5, 20)


@pytest.mark.parametrize(
    "query", ["limit=21", "limit=0", "limit=x", "offset=-1", "offset=99999999999999999999"]
)
def test_list_refuses_other_limits(api, query):
    assert api.ask(path=at(api) + "?" + query).status_code == 400


def test_list_costs_the_same_for_one_and_many(api, account, django_assert_num_queries):
    make_subaccount(account)
    with django_assert_num_queries(4):
        api.ask(path=at(api))
    for _ in range(5):
        make_subaccount(account)
    with django_assert_num_queries(4):
        api.ask(path=at(api))


# --- Who may call


def test_ids_of_others_deleted_or_malformed_are_404(api, account):
    other, _ = make_subaccount(make_account("Elsewhere"))
    gone, _ = make_subaccount(account)
    assert api.ask("DELETE", path=at(api, gone.auth_id)).status_code == 204
    for auth_id in (other.auth_id, gone.auth_id, "SA" + "Z" * 18, api.auth_id, "not-an-id", "%00", "sa1"):
        for method, body in (("GET", None), ("POST", {"name": "x"}), ("DELETE", None)):
            assert api.ask(method, body, path=at(api, auth_id)).status_code == 404, (method, auth_id)
    assert Subaccount.unscoped.get(pk=other.pk).deleted_at is None


def test_subaccounts_credentials_manage_no_subaccounts(account):
    sub, token = make_subaccount(account)
    own = Api(sub.auth_id, token)
    for method, path in (
        ("GET", at(own)),
        ("POST", at(own)),
        ("GET", at(own, sub.auth_id)),
        ("DELETE", at(own, sub.auth_id)),
    ):
        answer = own.ask(method, {"name": "x"} if method == "POST" else None, path=path)
        assert (answer.status_code, answer.json()["code"]) == (403, "main_account_only")
    assert own.ask(path=f"/v1/Account/{account.auth_id}/Subaccount/").status_code == 401


def test_disabled_deleted_and_rowless_identities_open_nothing(api, account):
    sub, token = make_subaccount(account)
    own = Api(sub.auth_id, token)
    assert own.ask(path=f"/v1/Account/{sub.auth_id}/").status_code == 403
    api.ask("POST", {"name": "x", "enabled": False}, path=at(api, sub.auth_id))
    assert own.ask().status_code == 401
    api.ask("POST", {"name": "x", "enabled": True}, path=at(api, sub.auth_id))
    assert own.ask().status_code == 403
    # An identity whose subaccount is gone must not pass for the main account.
    Subaccount.unscoped.filter(pk=sub.pk).delete()
    assert own.ask().status_code == 401


def test_caller_brings_its_subaccount_in_one_query(account, django_assert_num_queries):
    from django.utils import timezone

    from accounts.queries.credentials import find_caller
    from console.core.requests import Origin

    sub, token = make_subaccount(account)
    with django_assert_num_queries(1):
        caller = find_caller(auth_id=sub.auth_id, token=token, origin=Origin(), now=timezone.now())
    assert (caller.actor.subaccount_id, caller.is_main) == (sub.pk, False)
    assert Permission.SUBACCOUNT_VIEW not in caller.actor.rights


def test_change_of_one_that_is_deleted_meanwhile_is_404(api, account, monkeypatch):
    sub, _ = make_subaccount(account)
    found = api_module._found

    def found_and_deleted(call):
        one = found(call)
        services.delete_subaccount(
            actor=call.caller.actor, auth_id=one.auth_id, is_cascading=False, now=call.now
        )
        return one

    monkeypatch.setattr(api_module, "_found", found_and_deleted)
    assert api.ask("POST", {"name": "Late"}, path=at(api, sub.auth_id)).status_code == 404


# --- The SDK


@pytest.mark.transactional
@pytest.mark.django_db(transaction=True)
def test_sdk_creates_changes_lists_and_deletes(live_server, monkeypatch):
    lead_to(live_server.url, monkeypatch)
    account = make_account()
    sdk = connect(account.auth_id, make_token(account)[1])
    made = sdk.subaccounts.create("départ", True)
    assert LoopbackOnly.last.status_code == 201
    own = connect(made.auth_id, made.auth_token)
    with pytest.raises(ForbiddenError):
        own.subaccounts.list()
    assert sdk.subaccounts.get(made.auth_id).update("Driver app", True).message == "changed"
    for number in range(21):
        sdk.subaccounts.create(f"Shop {number}")
    assert len({each.auth_id for each in sdk.subaccounts}) == 22
    # Says nothing of enabled, and the SDK sends false.
    sdk.subaccounts.update(made.auth_id, "Driver app")
    with pytest.raises(AuthenticationError):
        own.subaccounts.list()
    assert sdk.subaccounts.delete(made.auth_id) is None
    assert LoopbackOnly.last.status_code == 204
