"""Voice > Applications and Voice > Endpoints: lists, forms, moves, deletions, and who may."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.urls import reverse

from console.core.access import Actor
from console.core.events import EventKind
from console.core.models import AuditEvent
from subaccounts.models import Application, Endpoint
from subaccounts.services import applications, endpoints, owned
from teams.roles import RIGHTS, Role
from tests.factories import make_subaccount


@pytest.fixture
def dev(client, cast):
    return cast.sign_in(client, "developer")


@pytest.fixture
def actor(cast):
    return Actor(user=cast.owner, account=cast.account, rights=RIGHTS[Role.OWNER])


@pytest.fixture
def now():
    from django.utils import timezone

    return timezone.now()


@pytest.fixture
def sub(cast):
    return make_subaccount(cast.account, "Driver app")[0]


def url(cast, route, **parts):
    return reverse(f"subaccounts:{route}", kwargs={"account": cast.account.auth_id, **parts})


def make(actor, now, name="Dispatch", **values):
    owner = values.pop("subaccount", "")
    return applications.create_application(
        actor=actor, values={"name": name, **values}, subaccount=owner, now=now
    )


def phone(actor, now, alias="Gate", **facts):
    return endpoints.create_endpoint(actor=actor, username="gate", alias=alias, now=now, **facts).endpoint


FORM = {
    "name": "Dispatch-line", "answer_url": "https://voice.halyard.example/a", "answer_method": "GET",
    "hangup_url": "", "hangup_method": "POST", "fallback_answer_url": "", "fallback_method": "POST",
    "message_url": "", "message_method": "POST", "default_number_app": "on", "owner": "main",
}  # fmt: skip


def test_application_is_made_once_by_a_form_that_is_sent_twice(dev, cast, sub):
    data = FORM | {"form_id": str(uuid4()), "owner": sub.auth_id}
    for _ in range(2):
        response = dev.post(url(cast, "application_create"), data)
        assert response.status_code == 302
    made = Application.unscoped.get()
    assert (made.subaccount, made.answer_method, made.default_number_app) == (sub, "GET", True)
    assert response.url == url(cast, "application", app_id=made.app_id)
    page = dev.get(response.url).content.decode()
    assert made.sip_uri in page
    assert "Driver app" in page
    event = AuditEvent.objects.get(kind=EventKind.APPLICATION_CREATED)
    assert (event.user_id, event.data["owner"]) == (cast.developer.pk, sub.auth_id)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "two words"}, "letters, digits"),
        ({"name": ""}, "Enter a name"),
        ({"answer_url": "ftp://x.example"}, "must begin with https"),
        ({"message_url": "https://me:pw@x.example/"}, "must not carry a user name"),
        ({"hangup_url": "https://x.example/" + "y" * 1000}, "at most 1000"),
        ({"answer_method": "PUT"}, "Select a valid choice"),
        ({"owner": "SA" + "Z" * 18}, "Select a valid choice"),
    ],
)
def test_refused_form_makes_nothing_and_keeps_what_was_typed(dev, cast, change, said):
    response = dev.post(url(cast, "application_create"), FORM | {"form_id": str(uuid4())} | change)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert "voice.halyard.example/a" in response.content.decode() or "answer_url" in change
    assert not Application.unscoped.exists()


def test_change_shows_at_once_and_a_refused_one_changes_nothing(dev, cast, actor, now):
    made = make(actor, now, answer_url="https://old.example/")
    address = url(cast, "application", app_id=made.app_id)
    assert dev.post(address, FORM | {"answer_url": "nonsense"}).status_code == 422
    made.refresh_from_db()
    assert made.answer_url == "https://old.example/"
    assert dev.post(address, FORM).status_code == 302
    made.refresh_from_db()
    assert (made.name, made.answer_url, made.log_incoming_messages) == (
        "Dispatch-line",
        FORM["answer_url"],
        False,
    )


def names(response):
    return re.findall(r'<a class="break" href="[^"]*">([\w-]+)</a>', response.content.decode())


def test_lists_search_filter_and_page(dev, cast, actor, sub, now):
    for number in range(27):
        make(actor, now, f"line-{number:02d}")
    own = make(actor, now, "Driver-line", subaccount=sub.auth_id)
    phone(actor, now, alias="Own-phone", app_id=own.app_id)
    phone(actor, now, alias="Main-phone")
    listed = url(cast, "application_list")
    first = dev.get(listed)
    assert names(first)[:2] == ["Driver-line", "line-26"]
    earlier = re.search(r'href="(\?before=\d+)"', first.content.decode())[1]
    assert names(dev.get(listed + earlier)) == ["line-02", "line-01", "line-00"]
    assert names(dev.get(f"{listed}?owner={sub.auth_id}")) == ["Driver-line"]
    assert names(dev.get(f"{listed}?q=line-1&owner=main")) == [
        f"line-{number}" for number in range(19, 9, -1)
    ]
    assert names(dev.get(f"{listed}?q={own.app_id}")) == ["Driver-line"]
    assert "No application matches" in dev.get(f"{listed}?q=nothing").content.decode()
    for odd in ("?owner=SA1", "?before=x", "?before=-1", "?q=" + "x" * 101, "?q=%00", "?after=" + "9" * 30):
        assert dev.get(listed + odd).status_code == 422
    phones = url(cast, "endpoint_list")
    assert names(dev.get(f"{phones}?owner=main"))[0] == "Main-phone"
    assert names(dev.get(f"{phones}?q=own"))[0] == "Own-phone"


def test_list_costs_the_same_for_ten_thousand(dev, cast, django_assert_max_num_queries):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO subaccounts_application (account_id, app_id, name, answer_url, answer_method, hangup_url,"
            " hangup_method, fallback_answer_url, fallback_method, message_url, message_method, default_number_app,"
            " default_endpoint_app, log_incoming_messages, public_uri, created_at)"
            " SELECT %s, (10000000000000000 + n)::text, 'line', '', 'POST', '', 'POST', '', 'POST', '', 'POST',"
            " false, false, true, false, now() FROM generate_series(1, 10000) AS n",
            [cast.account.pk],
        )
    dev.get(url(cast, "application_list"))
    with django_assert_max_num_queries(8):
        assert dev.get(url(cast, "application_list")).status_code == 200


def test_application_moves_with_its_endpoints(dev, cast, actor, sub, now):
    made = make(actor, now, default_number_app=True)
    own = phone(actor, now, app_id=made.app_id)
    address = url(cast, "application_move", app_id=made.app_id)
    assert "Driver app" in dev.get(address).content.decode()
    assert dev.post(address, {"owner": "nobody"}).status_code == 422
    for _ in range(2):
        assert dev.post(address, {"owner": sub.auth_id}).status_code == 302
    made.refresh_from_db()
    own.refresh_from_db()
    assert (made.subaccount, own.subaccount, made.default_number_app) == (sub, sub, False)
    assert AuditEvent.objects.filter(kind=EventKind.APPLICATION_MOVED).count() == 1


@pytest.mark.parametrize(("fate", "left"), [("delete", []), ("keep", [None]), ("give", ["Heir"])])
def test_delete_asks_what_becomes_of_the_endpoints(dev, cast, actor, now, fate, left):
    heir, made = make(actor, now, "Heir"), make(actor, now)
    phone(actor, now, app_id=made.app_id)
    address = url(cast, "application_delete", app_id=made.app_id)
    assert "1 endpoint belongs to it" in dev.get(address).content.decode()
    assert dev.post(address, {}).status_code == 422
    assert dev.post(address, {"fate": "give"}).status_code == 422
    assert dev.post(address, {"fate": "give", "heir": made.app_id}).status_code == 422
    assert Application.unscoped.count() == 2
    assert dev.post(address, {"fate": fate, "heir": heir.app_id}).status_code == 302
    assert [each.application and each.application.name for each in Endpoint.unscoped.all()] == left
    assert dev.post(address, {"fate": fate}).status_code == 404


# --- Endpoints

PHONE = {"username": "gate", "alias": "Gate", "app_id": "", "owner": "main", "password": ""}


def test_password_that_the_console_makes_is_shown_once(dev, cast):
    data = PHONE | {"form_id": str(uuid4())}
    page = dev.post(url(cast, "endpoint_create"), data).content.decode()
    password = re.search(r'secret__value">([A-Z0-9]{20})<', page)[1]
    again = dev.post(url(cast, "endpoint_create"), data).content.decode()
    made = Endpoint.unscoped.get()
    assert "It was made already" in again
    for later in (again, dev.get(url(cast, "endpoint", endpoint_id=made.endpoint_id)).content.decode()):
        assert password not in later
        assert made.username in later
    assert password.encode() not in bytes(made.sealed_hashes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"username": "1gate"}, "begins with a letter"),
        ({"alias": "two words"}, "letters, digits"),
        ({"password": "elevenchars"}, "at least 12"),
        ({"password": "twelve\u202echars"}, "invisible"),
        ({"app_id": "1" * 17}, "Select a valid choice"),
    ],
)
def test_refused_endpoint_is_not_made_and_no_password_comes_back(dev, cast, change, said):
    response = dev.post(url(cast, "endpoint_create"), PHONE | {"form_id": str(uuid4())} | change)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert change.get("password", "no such") not in response.content.decode()
    assert not Endpoint.unscoped.exists()


def test_endpoint_changes_moves_and_goes(dev, cast, actor, sub, now):
    line, own = make(actor, now), make(actor, now, "Own", subaccount=sub.auth_id, default_endpoint_app=True)
    made = phone(actor, now)
    before, parts = made.hashes, {"endpoint_id": made.endpoint_id}
    data = {"alias": "Depot", "app_id": line.app_id, "password": ""}
    assert dev.post(url(cast, "endpoint", **parts), data).status_code == 302
    made.refresh_from_db()
    assert (made.alias, made.application, made.hashes) == ("Depot", line, before)
    dev.post(url(cast, "endpoint", **parts), data | {"password": "violet kettle argues"})
    assert dev.post(url(cast, "endpoint_move", **parts), {"owner": sub.auth_id}).status_code == 302
    made.refresh_from_db()
    assert (made.subaccount, made.application) == (sub, own)
    assert made.hashes != before
    assert "Delete this endpoint?" in dev.get(url(cast, "endpoint_delete", **parts)).content.decode()
    assert dev.post(url(cast, "endpoint_delete", **parts)).status_code == 302
    assert dev.post(url(cast, "endpoint_delete", **parts)).status_code == 404


def test_ids_of_other_accounts_and_odd_ones_are_404(client, cast, actor, now):
    made, own = make(actor, now), phone(actor, now)
    cast.sign_in(client, "outsider")
    account = cast.other_account.auth_id
    for odd in (made.app_id, "x", "1" * 18, "\x00"):
        for route in ("application", "application_move", "application_delete"):
            address = reverse(f"subaccounts:{route}", kwargs={"account": account, "app_id": odd})
            assert client.get(address).status_code == client.post(address, FORM).status_code == 404
    for route in ("endpoint", "endpoint_move", "endpoint_delete"):
        address = reverse(f"subaccounts:{route}", kwargs={"account": account, "endpoint_id": own.endpoint_id})
        assert client.get(address).status_code == client.post(address, PHONE).status_code == 404
    assert client.post(
        reverse("subaccounts:endpoint_create", kwargs={"account": account}),
        PHONE | {"form_id": str(uuid4()), "app_id": made.app_id},
    ).status_code == 422  # fmt: skip


# --- When a subaccount goes


@pytest.mark.parametrize("is_moved", [True, False])
def test_what_a_subaccount_owns_is_moved_or_deleted_with_one_event_each(actor, cast, sub, now, is_moved):
    kept = make(actor, now, default_number_app=True)
    for name in ("a", "b"):
        phone(
            actor, now, app_id=make(actor, now, name, subaccount=sub.auth_id, default_number_app=True).app_id
        )
    kinds = [kind for kind in owned.OWNED if kind.model in {Application, Endpoint}]
    done = [(kind.move if is_moved else kind.delete)(actor=actor, subaccount=sub, now=now) for kind in kinds]
    assert done == [2, 2]
    assert Application.unscoped.filter(subaccount=None).count() == (3 if is_moved else 1)
    assert Endpoint.unscoped.filter(subaccount=None).exclude(application=None).count() == (
        2 if is_moved else 0
    )
    assert Application.unscoped.get(default_number_app=True) == kept
    deed = "moved" if is_moved else "deleted"
    events = AuditEvent.objects.filter(kind__in=[f"applications:{deed}", f"endpoints:{deed}"])
    assert [event.data["count"] for event in events] == [2, 2]
    assert [kind.delete(actor=actor, subaccount=sub, now=now) for kind in kinds] == [0, 0]
