"""Serve the HTTP API: authenticate, count, read strictly, and answer with one shape.

An operation is declared once; the address, the checks and the OpenAPI document come from the declaration.
"""

import base64
import binascii
import logging
import math
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, re_path
from django.utils import timezone
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt

from console.core.access import AccessRefused, Actor, access
from console.core.addresses import network_of, parse_address
from console.core.api_fields import ApiError, Field, read_arguments
from console.core.errors import DomainError, TooManyRequests, Unavailable
from console.core.metrics import count_refusal
from console.core.permissions import ApiArea, Gate, Permission, Scope
from console.core.ratelimit import Tally, count_failure, count_request
from console.core.requests import Origin, origin_of

Body = dict[str, Any]
_HEADER_LIMIT = 2000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_log = logging.getLogger("console.api")
ERRORS: Mapping[int, tuple[str, str]] = {
    400: ("bad_request", "bad request"),
    401: ("unauthorized", "authentication failed"),
    403: ("forbidden", "forbidden"),
    404: ("not_found", "not found"),
    405: ("method_not_allowed", "method not allowed"),
    413: ("body_too_large", "the body is too large"),
    429: ("too_many_requests", "too many requests"),
    500: ("server_error", "server error"),
    503: ("unavailable", "unavailable, nothing was done"),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the identity whose Auth ID and Auth Token came with the request.

    A named token has a ``scope``; ``is_expected`` says whether its own list of networks holds the address.
    """

    auth_id: str
    account: Any
    credential_id: int
    is_main: bool
    actor: Actor
    scope: Scope | None = None
    is_expected: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated call with its checked arguments; ``parts`` are those of the address."""

    caller: Caller
    arguments: Mapping[str, Any]
    parts: Mapping[str, str]
    now: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """What an operation answers; the kernel adds ``api_id``, and calls ``sent`` when the answer has left."""

    status: int
    body: Body = field(default_factory=dict)
    sent: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one resource, with everything the OpenAPI document says about it.

    ``may_miss`` says that an argument can name what is not there.
    """

    method: str
    run: Callable[[Call], Reply]
    name: str
    summary: str
    status: int
    answer: Body
    fields: tuple[Field, ...] = ()
    main_only: bool = False
    may_miss: bool = False
    area: ApiArea | None = None
    right: Permission | None = None
    samples: Mapping[str, str] = field(default_factory=dict)

    def check(self, caller: Caller) -> None:
        """Refuse a caller that may not run this.

        :raises ApiError: 403
        """
        if caller.scope and not caller.scope.allows(self.area, is_reading=self.method == "GET"):
            raise ApiError("this token has no permission for that", code="token_permission", status=403)
        if self.main_only and not caller.is_main:
            raise ApiError("only the main account may call this", code="main_account_only", status=403)
        if caller.actor.frozen and self.method != "GET":
            raise ApiError(caller.actor.frozen_because, code="plan_needed", status=403)
        if self.right and not caller.actor.can(self.right):
            reason = "the role of the member who made this token does not allow that"
            raise ApiError(reason, code="token_permission", status=403)


@dataclass(frozen=True, slots=True)
class Resource:
    """An address of the API with its operations by method."""

    path: str
    operations: Mapping[str, Operation]
    is_collection: bool = False

    @property
    def allow(self) -> str:
        """Return the value of the Allow header; HEAD is answered wherever GET is."""
        methods = set(self.operations) | ({"HEAD"} if "GET" in self.operations else set())
        return ", ".join(sorted(methods))

    def operation(self, method: str) -> Operation:
        """Return the operation for the method.

        :raises ApiError: 405 if there is none
        """
        found = self.operations.get("GET" if method == "HEAD" else method)
        if found is None:
            raise refusal(405, headers={"Allow": self.allow})
        return found


def operation(
    method: str, *, summary: str, status: int, answer: Body, **more: Any
) -> Callable[[Callable[[Call], Reply]], Operation]:
    """Declare a function as an operation; ``answer`` is the JSON Schema of its success."""

    def declare(run: Callable[[Call], Reply]) -> Operation:
        return Operation(method, run, run.__name__, summary, status, answer, **more)

    return declare


def resource(path: str, *operations: Operation, is_collection: bool = False) -> Callable[..., HttpResponse]:
    """Return the view that serves the operations at a path such as ``/v1/Account/{auth_id}/``."""
    declared = Resource(path, {each.method: each for each in operations}, is_collection)

    @access(Gate.MACHINE)
    @csrf_exempt
    def view(request: HttpRequest, **parts: str) -> HttpResponse:
        return _answer(request, declared, parts)

    view.resource = declared  # type: ignore[attr-defined]
    return view


def api_route(view: Callable[..., HttpResponse], *, name: str) -> URLPattern:
    """Mount a resource; one SDK asks for some addresses with two slashes at the end."""
    path = view.resource.path  # type: ignore[attr-defined]
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path.strip("/"))
    return re_path(rf"^{pattern}/+\Z", view, name=name)


def _answer(request: HttpRequest, declared: Resource, parts: Mapping[str, str]) -> HttpResponse:
    headers: dict[str, str] = {}
    try:
        caller = _admit(request, declared, parts.get("auth_id", ""), headers)
        reply = _run(request, declared, caller, parts)
        response = json_reply(reply.status, reply.body)
        if reply.sent:
            # Django's own list of what ends with the response; it is closed after the last byte was written.
            response._resource_closers.append(reply.sent)  # type: ignore[attr-defined]  # noqa: SLF001
    except (DomainError, AccessRefused) as error:
        response = error_response(_as_api_error(error), is_list=_is_list(request, declared))
    return _with(response, headers)


def _with(response: HttpResponse, headers: Mapping[str, str]) -> HttpResponse:
    for name, value in headers.items():
        response.headers[name] = value
    return response


def _admit(request: Any, declared: Resource | None, path_id: str, headers: dict[str, str]) -> Caller:
    """Authenticate and count; the state of the limit is put into ``headers``."""
    caller = authenticate(request, path_id)
    _guard(request, declared, caller)
    tally = count_request(caller.account.auth_id)
    headers |= limit_headers(tally)
    if tally.is_over:
        raise refusal(429, headers={"Retry-After": _seconds(tally)})
    _wired("API_USE_NOTER")(credential_id=caller.credential_id, origin=origin_of(request), now=timezone.now())
    return caller


def _guard(request: Any, declared: Resource | None, caller: Caller) -> None:
    """Refuse an address that the account does not allow, before the call counts anywhere."""
    origin, endpoint = origin_of(request), f"{request.method} {declared.path if declared else ''}"
    try:
        is_welcome = _wired("API_GUARD")(caller=caller, origin=origin, endpoint=endpoint, now=timezone.now())
    except Exception:  # noqa: BLE001 - whatever breaks in a guard, it lets nobody in
        _log.exception("the guard of the API broke")
        is_welcome = False
    if is_welcome and caller.is_expected:
        return
    count_refusal("api-address")
    _log.info("api call from an address that is not allowed", extra={"ip": origin.ip})
    reason = "this address may not call the API"
    if not caller.is_expected:
        reason = "this address may not use this token: it is not on the token's own list"
    raise ApiError(reason, code="ip_not_allowed", status=403)


def _seconds(tally: Tally) -> str:
    return str(math.ceil(tally.reset) or 1)


def _run(request: HttpRequest, declared: Resource, caller: Caller, parts: Mapping[str, str]) -> Reply:
    found = declared.operation(request.method or "")
    found.check(caller)
    arguments = read_arguments(request, found.fields)
    return found.run(Call(caller, arguments, parts, timezone.now()))


def _is_list(request: HttpRequest, declared: Resource | None) -> bool:
    return request.method == "GET" and (declared is None or declared.is_collection)


def _as_api_error(error: Exception) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, TooManyRequests):
        return refusal(429, headers={"Retry-After": str(error.retry_after)})
    if isinstance(error, AccessRefused):
        return refusal(403)
    if isinstance(error, Unavailable):
        return refusal(503)
    return ApiError(str(error), code=getattr(error, "code", "bad_request"))


# --- Authentication --------------------------------------------------------------------------


@cache
def _wired(setting: str) -> Callable[..., Any]:
    return import_string(getattr(settings, setting))


def authenticate(request: Any, path_id: str) -> Caller:
    """Return the caller, or refuse in one and the same way whatever is wrong.

    :raises ApiError: 401, or 429 when a network keeps failing
    """
    origin, now = origin_of(request), timezone.now()
    auth_id, token = read_basic(request.META.get("HTTP_AUTHORIZATION", ""))
    # A header that cannot be read is looked up like any other, so all refusals take the same work.
    caller = _wired("API_CALLER_FINDER")(auth_id=auth_id, token=token, origin=origin, now=now)
    if caller is None or caller.auth_id != path_id:
        raise _refuse(auth_id, origin, now)
    request.actor = caller.actor
    return caller


def read_basic(header: str) -> tuple[str, str]:
    """Return user name and password of HTTP Basic (RFC 7617), or two empty strings."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic" or len(header) > _HEADER_LIMIT:
        return "", ""
    try:
        pair = base64.b64decode(encoded.strip(" "), validate=True).decode()
    except (binascii.Error, ValueError):
        return "", ""
    name, colon, password = pair.partition(":")
    return ("", "") if not colon or _CONTROL.search(pair) else (name, password)


def _refuse(auth_id: str, origin: Origin, now: datetime) -> ApiError:
    network = _network(origin)
    tally = count_failure(network)
    count_refusal("api-credentials")
    if tally.is_over:
        return refusal(429, headers={"Retry-After": _seconds(tally)})
    _wired("API_REFUSAL_NOTER")(auth_id=auth_id, network=network, now=now)
    _log.info("api credentials refused", extra={"ip": origin.ip})
    return refusal(
        401, headers={"WWW-Authenticate": f'Basic realm="{settings.SITE_NAME} API", charset="UTF-8"'}
    )


def refuse_plain(request: HttpRequest) -> HttpResponse:
    """Answer a call that came without TLS, and have the owner of a token that it carried told.

    Nothing in the answer says whether the token is good.
    """
    if request.path.startswith("/v1/"):
        _note_plain(request)
    error = ApiError("https is required", code="https_required", status=403)
    return error_response(error, is_list=_is_list(request, None))


def _note_plain(request: HttpRequest) -> None:
    origin, now = origin_of(request), timezone.now()
    auth_id, token = read_basic(request.META.get("HTTP_AUTHORIZATION", ""))
    if not token or count_failure(_network(origin)).is_over:
        return
    caller = _wired("API_CALLER_FINDER")(auth_id=auth_id, token=token, origin=origin, now=now)
    if caller is not None:
        _wired("API_PLAIN_NOTER")(credential_id=caller.credential_id, origin=origin, now=now)


def _network(origin: Origin) -> str:
    address = parse_address(origin.ip or "")
    return str(network_of(address)) if address else "unknown"


# --- Answers ---------------------------------------------------------------------------------


def limit_headers(tally: Tally) -> dict[str, str]:
    """Return the state of the limit: the usual X- headers and those of the IETF's draft."""
    left, reset = max(tally.left, 0), math.ceil(tally.reset)
    return {
        "X-RateLimit-Limit": str(tally.limit),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": str(reset),
        "RateLimit-Policy": f'"account";q={tally.limit};w={settings.CONSOLE_API_WINDOW_SECONDS}',
        "RateLimit": f'"account";r={left};t={reset}',
    }


def refusal(status: int, *, headers: Mapping[str, str] | None = None) -> ApiError:
    """Return the standard error for a status."""
    code, text = ERRORS.get(status, ERRORS[500])
    return ApiError(text, code=code, status=status, headers=headers)


def json_reply(status: int, body: Body) -> HttpResponse:
    """Answer with an object that carries a new ``api_id``; 204 has no body."""
    if status == 204:  # noqa: PLR2004 - no content
        return HttpResponse(status=204)
    return JsonResponse({"api_id": str(uuid.uuid4()), **body}, status=status)


def error_response(error: ApiError, *, is_list: bool) -> HttpResponse:
    """Answer with the error; a list call gets an empty list too, or the Python SDK trips over it."""
    body: Body = {"error": str(error), "code": error.code} | ({"objects": []} if is_list else {})
    return _with(json_reply(error.status, body), error.headers)


def answer_error(error: Exception) -> HttpResponse:
    """Answer a machine outside the accounts whose request was refused."""
    return error_response(_as_api_error(error), is_list=False)


def api_error(request: HttpRequest, status: int) -> HttpResponse:
    """Answer a machine whose request no operation saw, or whose operation broke."""
    view = request.resolver_match.func if request.resolver_match else None
    declared = getattr(view, "resource", None)
    return error_response(refusal(status), is_list=_is_list(request, declared))


@access(Gate.MACHINE)
@csrf_exempt
def unknown_path(request: HttpRequest, auth_id: str = "") -> HttpResponse:
    """Answer 404 for an unknown address; below an account only to who may call there."""
    headers: dict[str, str] = {}
    error = refusal(404)
    try:
        if auth_id:
            _admit(request, None, auth_id, headers)
    except ApiError as refused:
        error = refused
    return _with(error_response(error, is_list=_is_list(request, None)), headers)
