"""The kernel of the HTTP API: strict bodies, one refusal for all wrong credentials, one shape of answer."""

import base64
import json
import re

import pytest
from django.test import RequestFactory
from django.urls import Resolver404
from django.urls.resolvers import RegexPattern

from accounts.models import ApiIdentity
from console.core.access import AccessRefused
from console.core.api import Reply, api_route, operation, read_basic, resource
from console.core.api_fields import ApiError, Flag, Text, parse_json, read_arguments
from console.core.errors import DomainError, TooManyRequests, Unavailable
from console.core.permissions import Permission
from console.core.requests import Origin
from tests.factories import make_account, make_subaccount, make_token

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FIELDS = (Text("name", 5, required=True), Flag("enabled"))


def basic(name, password):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def arguments(method, path="/", body=b"", content_type="application/json", fields=FIELDS):
    request = RequestFactory().generic(method, path, body, content_type=content_type)
    return read_arguments(request, fields)


# --- Bodies


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b'{"a": ', "bad_json"),
        (b"{'a': 1}", "bad_json"),
        (b'{"a": 1,}', "bad_json"),
        (b'{"a": 1} {"b": 2}', "bad_json"),
        (b'\xef\xbb\xbf{"a": 1}', "bad_json"),
        (b'{"a": "\xff"}', "bad_json"),
        (b'{"a": NaN}', "bad_json"),
        (b'{"a": Infinity}', "bad_json"),
        (b'{"a": -Infinity}', "bad_json"),
        (b'{"a": 1e999}', "bad_json"),
        (b'{"a": ' + b"9" * 5000 + b"}", "bad_json"),
        (b"[" * 100_000, "bad_json"),
        (b'{"a": 1, "a": 100}', "duplicate_key"),
        (b'{"a": {"b": 1, "b": 2}}', "duplicate_key"),
        (b'{"a": "x\\u0000y"}', "bad_text"),
        (b'{"a\\u0000": 1}', "bad_text"),
        (b'{"a": "\\ud800"}', "bad_text"),
        (b'{"a": ' + b"[" * 30 + b"]" * 30 + b"}", "too_deep"),
    ],
)
def test_body_that_two_parsers_could_read_differently_is_refused(body, code):
    with pytest.raises(ApiError) as refused:
        parse_json(body)
    assert (refused.value.code, refused.value.status) == (code, 400)


def test_ordinary_body_is_read():
    assert parse_json('{"a": ["é", 1.5, null, true, "\\ud83d\\ude00"]}'.encode()) == {
        "a": ["é", 1.5, None, True, "😀"]
    }


@pytest.mark.parametrize("value", [True, "true"])
def test_flag_takes_booleans_and_words(value):
    assert Flag("enabled").read(value) is True


@pytest.mark.parametrize("value", [1, 0, "yes", "True", "", [], {}, 1.0])
def test_flag_refuses_everything_else(value):
    with pytest.raises(ApiError, match="enabled must be true or false"):
        Flag("enabled").read(value)


@pytest.mark.parametrize("value", [5, True, [], {}, ["name"]])
def test_text_refuses_other_types(value):
    with pytest.raises(ApiError) as refused:
        Text("name").read(value)
    assert refused.value.code == "wrong_type"


def test_text_has_limits():
    assert Text("name", 5).read("12345") == "12345"
    for text, field in (("123456", Text("name", 5)), ("", Text("name", 5, least=1))):
        with pytest.raises(ApiError) as refused:
            field.read(text)
        assert refused.value.code == "wrong_length"


# --- Where arguments come from


def test_body_of_get_is_never_read():
    assert arguments("GET", "/?name=abc", b'""') == {"name": "abc"}
    assert arguments("GET", "/?name=abc", b'{"name": "evil"') == {"name": "abc"}


def test_post_takes_its_object_and_nothing_from_the_query():
    assert arguments("POST", "/?enabled=true", b'{"name": "abc", "more": 1}') == {"name": "abc"}


@pytest.mark.parametrize("body", [b'""', b"{}", b"", b"[]", b"null", b'{"app_id": "20468599130939380"}'])
def test_delete_without_an_object_of_arguments_takes_the_query(body):
    assert arguments("DELETE", "/?name=q", body) == {"name": "q"}


def test_delete_prefers_its_object():
    assert arguments(
        "DELETE", "/?name=q", b'{"name": "body", "enabled": "false"}', fields=(Text("name"), Flag("enabled"))
    ) == {
        "name": "body",
        "enabled": False,
    }


def test_delete_with_a_broken_body_is_refused():
    with pytest.raises(ApiError, match="not valid JSON"):
        arguments("DELETE", "/?name=q", b"{")


def test_null_is_not_given():
    assert arguments("POST", "/", b'{"name": "abc", "enabled": null}') == {"name": "abc"}


def test_required_argument_must_be_there():
    with pytest.raises(ApiError, match="name is missing"):
        arguments("POST", "/", b'{"name": null}')


def test_repeated_parameter_is_refused():
    with pytest.raises(ApiError) as refused:
        arguments("GET", "/?name=a&name=b")
    assert refused.value.code == "repeated"


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"7", b"null", b"true"])
def test_post_needs_an_object(body):
    with pytest.raises(ApiError) as refused:
        arguments("POST", "/", body)
    assert refused.value.code == "not_an_object"


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain", "", "application/json; charset=utf-16"]
)
def test_post_needs_json(kind):
    with pytest.raises(ApiError) as refused:
        arguments("POST", "/", b'{"name": "abc"}', kind)
    assert refused.value.code == "content_type"


def test_charset_may_be_named():
    assert arguments("POST", "/", b'{"name": "abc"}', "Application/JSON; charset=UTF-8") == {"name": "abc"}


def test_body_above_a_megabyte_is_413():
    with pytest.raises(ApiError) as refused:
        arguments("POST", "/", b'{"name": "' + b"x" * 1_100_000 + b'"}')
    assert (refused.value.status, refused.value.code) == (413, "body_too_large")


# --- Credentials in the header

MALFORMED = [
    "",
    "Basic",
    "Basic ",
    "Basic !!!",
    "Basic " + base64.b64encode(b"nocolon").decode(),
    "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
    "Basic " + base64.b64encode(b"MA:a\x00b").decode(),
    "Basic " + base64.b64encode(b"MA\r\n:token").decode(),
    "Basic " + base64.b64encode(b"MA:token").decode().rstrip("=") + "\u00e9",
    "Basic " + base64.b64encode(b"a:" + b"b" * 10_000).decode(),
    "Basic " + "A" * 10_000,
    "Bearer abc",
    "Digest username=a",
    ":",
    "\x00",
]


@pytest.mark.parametrize("header", MALFORMED)
def test_malformed_header_reads_as_nothing(header):
    assert read_basic(header) == ("", "")


def test_good_header_is_read():
    assert read_basic(basic("MA1", "a:b c")) == ("MA1", "a:b c")
    assert read_basic(basic("MA1", "x").replace("Basic", "bAsIc")) == ("MA1", "x")


# --- Resources


def _fails_with(error):
    @operation("GET", summary="Fail", status=200, answer={"properties": {}})
    def fail(call):
        raise error

    return fail


@operation("DELETE", summary="Delete", status=204, answer={"properties": {}})
def delete_thing(call):
    return Reply(204)


@operation("POST", summary="Make", status=201, answer={"properties": {}}, fields=FIELDS, main_only=True)
def make_thing(call):
    return Reply(201, {"given": dict(call.arguments), "parts": dict(call.parts)})


THINGS = "/v1/Account/{auth_id}/Thing/"


@pytest.fixture
def caller(db):
    account = make_account()
    _, token = make_token(account)
    return account.auth_id, token


def ask(view, caller, method="GET", body=None, **headers):
    auth_id, token = caller
    request = RequestFactory().generic(
        method,
        "/",
        json.dumps(body) if body is not None else b"",
        content_type="application/json",
        headers={"Authorization": basic(auth_id, token), **headers},
    )
    request.origin = Origin(ip="192.0.2.1", user_agent="test")
    request.resolver_match = None
    return view(request, auth_id=auth_id)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (DomainError("Not like this.", code="odd"), 400, "odd"),
        (AccessRefused(Permission.COMPANY_MANAGE), 403, "forbidden"),
        (TooManyRequests("Wait.", retry_after=7), 429, "too_many_requests"),
        (Unavailable("Down."), 503, "unavailable"),
        (ApiError("gone", code="gone", status=404), 404, "gone"),
    ],
)
def test_refusal_of_a_service_has_its_status_and_code(caller, error, status, code):
    response = ask(resource(THINGS, _fails_with(error), is_collection=True), caller)
    body = json.loads(response.content)
    assert (response.status_code, body["code"], body["objects"]) == (status, code, [])
    assert UUID.fullmatch(body["api_id"])
    assert isinstance(body["error"], str)


def test_only_list_calls_carry_objects(caller):
    response = ask(resource(THINGS, _fails_with(DomainError("No.")), is_collection=False), caller)
    assert "objects" not in json.loads(response.content)


def test_bug_is_not_hidden(caller):
    with pytest.raises(ZeroDivisionError):
        ask(resource(THINGS, _fails_with(ZeroDivisionError())), caller)


def test_deleted_has_no_body(caller):
    response = ask(resource(THINGS, delete_thing), caller, "DELETE")
    assert (response.status_code, response.content) == (204, b"")


def test_created_carries_what_the_operation_says(caller):
    response = ask(
        resource(THINGS, make_thing), caller, "POST", {"name": "abc", "enabled": "true", "auth_id": "MAX"}
    )
    body = json.loads(response.content)
    assert (response.status_code, body["given"]) == (201, {"name": "abc", "enabled": True})
    assert body["parts"] == {"auth_id": caller[0]}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_405_with_allow(caller, method):
    response = ask(resource(THINGS, make_thing, delete_thing), caller, method, {})
    assert (response.status_code, response.headers["Allow"]) == (405, "DELETE, POST")


def test_method_override_is_ignored(caller):
    view = resource(THINGS, make_thing, delete_thing)
    response = ask(view, caller, "POST", {"name": "abc"}, **{"X-HTTP-Method-Override": "DELETE"})
    assert response.status_code == 201


def test_subaccount_may_not_call_what_is_for_the_main_account(caller):
    account = ApiIdentity.objects.get(auth_id=caller[0]).account
    sub, token = make_subaccount(account)
    view = resource(THINGS, make_thing, delete_thing)
    assert ask(view, (sub.auth_id, token), "POST", {"name": "abc"}).status_code == 403
    assert ask(view, (sub.auth_id, token), "DELETE").status_code == 204
    ApiIdentity.objects.filter(auth_id=sub.auth_id).update(is_enabled=False)
    assert ask(view, (sub.auth_id, token), "DELETE").status_code == 401


@pytest.mark.parametrize(
    ("path", "matches"),
    [
        ("v1/Account/MA1/Thing/", True),
        ("v1/Account/MA1/Thing//", True),
        ("v1/Account/MA1/Thing", False),
        ("v1/Account/MA1/Thing/\n", False),
        ("v1/Account//Thing/", False),
        ("v1/Account/MA1/Thing/x/", False),
    ],
)
def test_address_takes_slashes_at_the_end(path, matches):
    route = api_route(resource(THINGS, make_thing), name="thing")
    assert isinstance(route.pattern, RegexPattern)
    try:
        found = route.resolve(path)
    except Resolver404:
        found = None
    assert (found is not None) == matches
