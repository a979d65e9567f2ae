"""Every operation of the API against ids that are not the caller's: generated from the declarations.

A new kind of id in an address fails here until ``party`` makes one.
"""

from dataclasses import dataclass

import pytest
from django.utils import timezone

from accounts.services import api_use
from console.core import openapi, ratelimit
from console.core.access import Actor
from console.core.permissions import Permission
from subaccounts.models import Application, Endpoint, Number, Subaccount
from subaccounts.services import applications, endpoints
from tests.accounts.api_caller import Api
from tests.factories import make_account, make_subaccount, make_token
from tests.subaccounts.stock import make_stock

RESOURCES = {each.path: each for each in openapi.resources()}
OPERATIONS = [(path, found) for path, each in RESOURCES.items() for found in each.operations.values()]
# Free numbers are there for everybody, so there is nobody to keep them from.
COMMON = "/v1/Account/{auth_id}/PhoneNumber/"
OWNED = [(path, found) for path, found in OPERATIONS if path.count("{") > 1 and not path.startswith(COMMON)]
ODD = ("x", "%00", "%F0%9F%98%80", "1" * 400, "SA" + "a" * 18, "' OR 1=1 --", "٣٢٨٦٦٧٢٩٥١٩٠٦٤")
MODELS = (Application, Endpoint, Number, Subaccount)


@dataclass
class Party:
    """A caller, and the id of one thing of every kind that it owns."""

    api: Api
    ids: dict


@dataclass
class World:
    """An account, two of its subaccounts, and somebody else's account."""

    main: Party
    own: Party
    sibling: Party
    stranger: Party


@pytest.fixture(autouse=True)
def _nothing_noted(monkeypatch, settings):
    settings.CONSOLE_API_REQUESTS = settings.CONSOLE_API_FAILURES = 1_000_000
    monkeypatch.setattr(api_use, "recent", api_use.Recent())
    monkeypatch.setattr(ratelimit, "_local", ratelimit._LocalBuckets())
    monkeypatch.setattr(ratelimit, "_outage", ratelimit._Outage())


@pytest.fixture
def world(db):
    account = make_account()
    return World(
        party(account), party(account, "Own"), party(account, "Sibling"), party(make_account("Elsewhere"))
    )


def party(account, name=""):
    """Make a caller, the account itself or a subaccount of it by name, with what it owns."""
    actor, now = Actor(account=account, rights=frozenset(Permission), kind="api"), timezone.now()
    sub, token = make_subaccount(account, name or "Of main")
    owner = sub if name else None
    asked = sub.auth_id if name else ""
    line = applications.create_application(actor=actor, values={"name": "Line"}, subaccount=asked, now=now)
    phone = endpoints.create_endpoint(actor=actor, username="gate", alias="Gate", app_id=line.app_id, now=now)
    stock = make_stock(free_at=None)
    facts = {"monthly_amount": 1, "renewal_date": now.date(), "due_at": now, "number": stock.number}
    Number.objects.create(account=account, subaccount=owner, inventory=stock, **facts)
    ids = {"app_id": line.app_id, "endpoint_id": phone.endpoint.endpoint_id, "number": stock.number}
    caller = Api(sub.auth_id, token) if name else Api(account.auth_id, make_token(account)[1])
    return Party(caller, ids | {"subaccount_id": sub.auth_id})


def stored():
    return [sorted(map(str, model.unscoped.values_list())) for model in MODELS]


def ask(caller, path, operation, ids, *, named=""):
    """Call the operation with the ids in its address, and its own example as arguments."""
    address = path.replace("{auth_id}", named or caller.auth_id)
    for name, value in ids.items():
        address = address.replace("{" + name + "}", value)
    assert "{" not in address, f"teach this test to make {address}"
    body = openapi.example_of(operation) if operation.method == "POST" else None
    address += "" if operation.method != "GET" or "Pricing" not in path else "?country_iso=US"
    return caller.ask(operation.method, body, path=address)


def refused(response, status, *, is_list=False):
    body = response.json()
    keys = {"api_id", "error", "code"} | ({"objects"} if is_list else set())
    assert (response.status_code, set(body)) == (status, keys), (response.request["PATH_INFO"], body)
    return body


def test_ids_of_others_answer_404_and_nothing_changes(world):
    before, own, main = stored(), world.own, world.main
    for path, operation in OWNED:
        for other in (world.main, world.sibling, world.stranger):
            refused(ask(own.api, path, operation, other.ids), 403 if operation.main_only else 404)
        refused(ask(main.api, path, operation, world.stranger.ids), 404)
    assert stored() == before


def test_ids_that_cannot_be_answer_404(world):
    before = stored()
    for path, operation in OWNED:
        for odd in ODD:
            said = refused(ask(world.main.api, path, operation, dict.fromkeys(world.main.ids, odd)), 404)
            assert said["code"] == "not_found"
    assert stored() == before


def test_ids_of_deleted_things_answer_404(world):
    gone, main = world.main.ids, world.main.api
    Endpoint.unscoped.filter(endpoint_id=gone["endpoint_id"]).delete()
    Number.unscoped.filter(number=gone["number"]).delete()
    Application.unscoped.filter(app_id=gone["app_id"]).delete()
    Subaccount.unscoped.filter(auth_id=gone["subaccount_id"]).update(deleted_at=timezone.now())
    for path, operation in OWNED:
        refused(ask(main, path, operation, gone), 404)


def test_lists_show_what_the_caller_owns_and_nothing_else(world):
    lists = [(path, each.operations["GET"]) for path, each in RESOURCES.items() if each.is_collection]
    lists = [(path, found) for path, found in lists if not path.startswith(COMMON)]
    assert len(lists) >= 4
    for path, operation in lists:
        for caller, others in (
            (world.own, [world.main, world.sibling, world.stranger]),
            (world.main, [world.stranger]),
        ):
            response = ask(caller.api, path, operation, {})
            said = response.content.decode()
            assert not [each for other in others for each in other.ids.values() if each in said], path
            if operation.main_only and caller is world.own:
                refused(response, 403, is_list=True)
            else:
                assert [each for each in caller.ids.values() if each in said], path


def test_path_of_another_is_401_with_good_credentials(world):
    pairs = [(world.own, world.main), (world.main, world.own), (world.own, world.sibling)]
    before = stored()
    for path, operation in OPERATIONS:
        is_list = operation.method == "GET" and RESOURCES[path].is_collection
        for caller, other in [*pairs, (world.stranger, world.main)]:
            refused(
                ask(caller.api, path, operation, other.ids, named=other.api.auth_id), 401, is_list=is_list
            )
    assert stored() == before


def test_subaccount_that_is_disabled_or_deleted_calls_nothing(world):
    found = Subaccount.unscoped.get(auth_id=world.own.api.auth_id)
    found.identity.is_enabled = False
    found.identity.save()
    Subaccount.unscoped.filter(auth_id=world.sibling.api.auth_id).update(deleted_at=timezone.now())
    before = stored()
    for path, operation in OPERATIONS:
        for caller in (world.own, world.sibling):
            assert ask(caller.api, path, operation, caller.ids).status_code in {401, 403}
    assert stored() == before
