"""What the server answers: filters, pages, versions, errors, hostile bodies, and other accounts' ids."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from security.models import ScimGroup, ScimUser
from tests.conftest import Cast
from tests.security.scim.scim_steps import ERROR, GROUP, USER, Directory, directory_of
from tests.teams.team_steps import kinds

NEW = "noor@partner.example"


def _other(cast: Cast) -> Directory:
    from tests.factories import make_plan

    make_plan(cast.other_account)
    other = Cast(cast.other_account, cast.account, {"owner": cast.outsider})
    return directory_of(other)


def _names(directory, text):
    answer = directory.call("GET", f"/Users?filter={text}")
    assert answer.status_code == 200, answer.content
    return {one["userName"] for one in answer.json().get("Resources", [])}


FILTERS = (
    ('userName eq "SUPPORT@halyard.example"', {"support@halyard.example"}),
    ('userName sw "sup" or emails co "ANALYST"', {"support@halyard.example", "analyst@halyard.example"}),
    ('emails.value eq "admin@halyard.example" and active eq true', {"admin@halyard.example"}),
    ('emails[type eq "work" and value eq "admin@halyard.example"]', {"admin@halyard.example"}),
    ('externalId eq "e-1"', {NEW}),
    ("externalId pr", {NEW}),
    ('not (userName co "halyard")', {NEW}),
    ('displayName ew "Owner" and not (externalId pr)', {"olivia@halyard.example"}),
    ('meta.lastModified gt "2001-01-01T00:00:00Z" and name.givenName eq "Noor"', {NEW}),
    ('userName co "%25"', set()),
    ("active eq false", set()),
)


def test_filter_finds(cast):
    directory = directory_of(cast)
    directory.add(NEW, externalId="e-1", name={"givenName": "Noor"})
    for text, expected in FILTERS:
        assert _names(directory, text) == expected, text


REFUSED_FILTERS = (
    "userName", 'password eq "x"', 'userName eq "x', "active gt true", 'emails gt "a"', 'x"; DROP',
    'userName eq "\\u0000"', 'externalId sw "\\ud800"', 'emails[type eq "\\u0000"]', "emails[type eq 1e400]",
    " or ".join(['id eq "1"'] * 60), 'meta.created gt "yesterday"', 'emails[type co "w"]', "x" * 3000,
)  # fmt: skip


def test_filter_that_cannot_be_answered_is_refused(cast):
    directory = directory_of(cast)
    for text in REFUSED_FILTERS:
        answer = directory.call("GET", f"/Users?filter={text}")
        assert (answer.status_code, answer.json()["schemas"]) == (400, [ERROR]), text
        assert answer.json()["scimType"] in {"invalidFilter", "invalidValue"}
    for text in ('emails[type eq "work"]', "active eq true"):
        assert directory.call("GET", f"/Groups?filter={text}").status_code == 400, text
    deep = "(" * 980 + 'id eq "1"' + ")" * 980
    assert directory.call("GET", f"/Users?filter={deep}").status_code in {200, 400}


def test_pages_begin_at_one_and_cost_the_same(cast):
    directory = directory_of(cast)
    whole = directory.call("GET", "/Users").json()
    assert whole["totalResults"] == 5
    part = directory.call("GET", "/Users?startIndex=2&count=2").json()
    assert (part["startIndex"], part["itemsPerPage"]) == (2, 2)
    assert part["Resources"] == whole["Resources"][1:3]
    assert directory.call("GET", "/Users?count=0").json()["totalResults"] == 5
    assert directory.call("GET", "/Users?startIndex=-3&count=1").json()["startIndex"] == 1
    assert directory.call("GET", "/Users?count=x").status_code == 400
    with CaptureQueriesContext(
        connection,
    ) as few:
        directory.call("GET", "/Users?count=1")
    with CaptureQueriesContext(connection) as many:
        directory.call("GET", "/Users?count=5")
    assert len(few) == len(many) <= 8


def test_attributes_are_chosen(cast):
    directory = directory_of(cast)
    found = directory.call("GET", "/Users?attributes=userName&count=1").json()["Resources"][0]
    assert set(found) == {"schemas", "id", "userName"}
    left = directory.call("GET", "/Users?excludedAttributes=emails,meta&count=1").json()["Resources"][0]
    assert not {"emails", "meta"} & set(left)


def test_version_guards_a_change(cast):
    directory = directory_of(cast)
    answer = directory.add(NEW)
    tag, path = answer.headers["ETag"], f"/Users/{answer.json()['id']}"
    assert answer.headers["Location"].endswith(f"/scim/v2{path}")
    assert directory.call("GET", path, if_none_match=tag).status_code == 304
    change = {"op": "replace", "path": "displayName", "value": "Noor"}
    assert directory.patch(path, change, if_match='W/"old"').status_code == 412
    assert directory.call("DELETE", path, if_match='W/"old"').status_code == 412
    changed = directory.patch(path, change, if_match=tag)
    assert (changed.status_code, changed.json()["displayName"]) == (200, "Noor")
    assert changed.headers["ETag"] != tag


@pytest.mark.parametrize("kind", ["Users", "Groups"])
def test_ids_of_another_account_are_not_found(cast, kind):
    directory, other = directory_of(cast), _other(cast)
    key = other.add(NEW).json()["id"] if kind == "Users" else other.add_group("Secret").json()["id"]
    body = {
        "schemas": [USER],
        "userName": "x@y.example",
        "emails": [{"value": "x@y.example"}],
        "active": False,
    }
    if kind == "Groups":
        body = {"schemas": [GROUP], "displayName": "x"}
    path, missing = f"/{kind}/{key}", f"/{kind}/9f0c0a52-0000-4000-8000-000000000000"
    for method, sent in (("GET", None), ("PUT", body), ("DELETE", None)):
        mine, nobodys = directory.call(method, path, sent), directory.call(method, missing, sent)
        assert (mine.status_code, mine.content) == (404, nobodys.content), method
    assert directory.patch(path, {"op": "replace", "path": "displayName", "value": "x"}).status_code == 404
    assert _names(directory, f'userName eq "{NEW}"') == set()
    if kind == "Users":
        assert directory.add_group("Mixed", key).status_code == 400
    assert other.call("GET", path).status_code == 200


HOSTILE = (
    b"", b"[]", b"null", b"{", b'{"a":1,"a":2}', b"\xff\xfe", b"[" * 5000, b'{"userName": NaN}',
     json.dumps({"schemas": [USER], "userName": "a\x00b", "emails": [{"value": NEW}]}),
     json.dumps({"schemas": [USER], "userName": "a\u202eb", "emails": [{"value": NEW}]}),
     json.dumps({"schemas": [USER], "userName": NEW, "emails": [{"value": "no address"}]}),
     json.dumps({"schemas": [USER], "userName": "x" * 300, "emails": [{"value": NEW}]}),
     json.dumps({"schemas": [USER], "userName": {"a": 1}, "emails": [{"value": NEW}]}),
     json.dumps({"schemas": [USER], "userName": "no-address"}),
     json.dumps({"schemas": [USER], "userName": NEW, "emails": [{"value": NEW}], "active": "perhaps"}),
     json.dumps({"schemas": [USER], "userName": NEW, "emails": [{"value": f"a{n}@b.example"} for n in range(11)]}),
     json.dumps({"schemas": [USER], "userName": "me@gmail.com"}),
     '{"schemas": ["x"], "userName": "\\ud800"}', "x" * 1_100_000,
)  # fmt: skip


def test_hostile_bodies_are_refused_and_store_nothing(cast):
    directory = directory_of(cast)
    for body in HOSTILE:
        answer = directory.call("POST", "/Users", body)
        assert answer.status_code in {400, 413, 415}, (body[:80], answer.content)
        assert answer.json()["schemas"] == [ERROR]
        assert answer.headers["Content-Type"] == "application/scim+json"
    assert not ScimUser.objects.of(cast.account).filter(is_copied=False).exists()


def test_fields_that_are_not_declared_change_nothing(cast):
    directory = directory_of(cast)
    key = directory.find(cast.support.email)["id"]
    extra = {"role": "owner", "is_staff": True, "account": cast.other_account.pk, "groups": [{"value": "x"}]}
    answer = directory.patch(f"/Users/{key}", {"op": "replace", "value": {"displayName": "S"} | extra})
    assert answer.status_code in {200, 400}
    cast.support.refresh_from_db()
    assert not cast.support.is_staff
    assert ScimUser.objects.of(cast.account).filter(public_id=key).exists()
    assert "member:role-changed" not in kinds(cast)


def test_without_a_token_every_address_answers_alike(client, cast):
    cast.sign_in(client, "owner")
    answers = [
        client.get(f"/scim/v2{path}", **headers)
        for path in ("/Users", "/Users/x", "/Schemas", "/Me", "/nothing", "/Bulk")
        for headers in ({}, {"HTTP_AUTHORIZATION": "Bearer x"}, {"HTTP_AUTHORIZATION": "Basic eDp4"})
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].headers["WWW-Authenticate"].startswith("Bearer")


def test_what_is_not_offered_says_so(cast):
    directory = directory_of(cast)
    assert directory.call("POST", "/Bulk", {}).status_code == 501
    assert directory.call("GET", "/nothing").json()["status"] == "404"
    answer = directory.call("DELETE", "/Users")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, POST")
    assert directory.call("POST", "/Users", {}, content_type="text/plain").status_code == 415
    assert directory.call("GET", "/Schemas?filter=id pr").status_code == 403


def test_calls_are_counted(cast, settings):
    directory = directory_of(cast)
    settings.CONSOLE_API_REQUESTS = 2
    assert [directory.call("GET", "/Schemas").status_code for _ in range(3)] == [200, 200, 429]
    settings.CONSOLE_API_FAILURES = 1
    assert [Directory("x").call("GET", "/Users").status_code for _ in range(3)] == [401, 429, 429]


def test_group_is_replaced_as_a_whole(cast):
    directory = directory_of(cast)
    one, two = (directory.find(person.email)["id"] for person in (cast.support, cast.analyst))
    group = directory.add_group("Crew", one).json()
    body = {"schemas": [GROUP], "displayName": "Crew 2", "members": [{"value": two}]}
    answer = directory.call("PUT", f"/Groups/{group['id']}", body)
    assert [member["value"] for member in answer.json()["members"]] == [two]
    assert ScimGroup.objects.of(cast.account).get().name == "Crew 2"
    found = directory.call("GET", f'/Groups?filter=members eq "{two}" and displayName sw "crew"').json()
    assert found["totalResults"] == 1
