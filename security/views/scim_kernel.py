"""Serve SCIM: authenticate, count, read strictly, and answer every error in one shape."""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from pydantic import ValidationError
from scim2_models import Error, SCIMException

from accounts.email_rules import EmailRefused
from console.core.access import AccessRefused, Actor, access
from console.core.addresses import network_of, parse_address
from console.core.api import limit_headers
from console.core.api_fields import ApiError, parse_json, read_body, read_query
from console.core.errors import DomainError, TooManyRequests
from console.core.metrics import count_refusal
from console.core.permissions import Gate
from console.core.ratelimit import count_failure, count_request
from console.core.requests import Origin, origin_of
from security.scim.answers import MEDIA_TYPE, error_answer
from security.scim.resources import provider
from security.services.scim_tokens import ScimCaller, admit_directory

_TYPES = {MEDIA_TYPE, "application/json"}
_LONGEST_HEADER = 500
# What a deed refuses, in the words of SCIM; whatever is not here is 403: the account does not allow it.
_REFUSALS: Mapping[str, tuple[int, str]] = {
    "not_found": (404, ""),
    "uniqueness": (409, "uniqueness"),
    "already_member": (409, "uniqueness"),
    "invalidValue": (400, "invalidValue"),
}
_log = logging.getLogger("console.scim")


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated call: who, which part of the address, and when."""

    request: HttpRequest
    actor: Actor
    parts: Mapping[str, Any]
    now: datetime

    @property
    def query(self) -> dict[str, str]:
        """Return the parameters of the address; one that stands there twice is refused."""
        return read_query(self.request)

    @property
    def body(self) -> dict[str, Any]:
        """Return the JSON object that is the body."""
        if self.request.content_type not in _TYPES:
            raise ApiError(f"the content type is {MEDIA_TYPE}", code="content_type", status=415)
        value = parse_json(read_body(self.request))
        if not isinstance(value, dict):
            raise ApiError("the body is a JSON object", code="not_an_object")
        return value


Handler = Callable[[Call], HttpResponse]


def endpoint(**handlers: Handler) -> Callable[..., HttpResponse]:
    """Return the view that serves one address; the names are methods in lower case."""

    @access(Gate.MACHINE)
    @csrf_exempt
    def view(request: HttpRequest, **parts: Any) -> HttpResponse:
        headers: dict[str, str] = {}
        response = _answer(request, handlers, parts, headers)
        for name, value in headers.items():
            response.headers[name] = value
        return response

    return view


def _answer(
    request: Any, handlers: Mapping[str, Handler], parts: Mapping[str, Any], headers: dict[str, str]
) -> HttpResponse:
    origin, now = origin_of(request), timezone.now()
    caller = admit_directory(token=_read_bearer(request), origin=origin, now=now)
    if caller is None:
        return _refuse(origin)
    request.actor = caller.actor
    if refused := _count(caller, headers):
        return refused
    name = (request.method or "").lower()
    handler = handlers.get("get" if name == "head" else name)
    if handler is None:
        allowed = set(handlers) | ({"head"} if "get" in handlers else set())
        return error_answer(405, Allow=", ".join(sorted(allowed)).upper()) if handlers else error_answer(404)
    return run(handler, Call(request, caller.actor, parts, now))


def _read_bearer(request: HttpRequest) -> str:
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "")[:_LONGEST_HEADER].partition(" ")
    return token.strip(" ") if scheme.lower() == "bearer" else ""


def _refuse(origin: Origin) -> HttpResponse:
    """Answer in one and the same way whatever is wrong with the token."""
    address = parse_address(origin.ip or "")
    tally = count_failure(str(network_of(address)) if address else "unknown")
    count_refusal("scim-credentials")
    _log.info("scim credentials refused", extra={"ip": origin.ip})
    if tally.is_over:
        return error_answer(429, Retry_After=str(math.ceil(tally.reset) or 1))
    return error_answer(401)


def _count(caller: ScimCaller, headers: dict[str, str]) -> HttpResponse | None:
    tally = count_request(f"scim:{caller.actor.account.auth_id}")
    headers |= limit_headers(tally)
    if not tally.is_over:
        return None
    return error_answer(429, Retry_After=str(math.ceil(tally.reset) or 1))


def run(handler: Handler, call: Call) -> HttpResponse:
    """Run the handler, and turn whatever it refuses into an answer."""
    try:
        with provider():
            return handler(call)
    except SCIMException as error:
        return error_answer(error.status, str(error), scim_type=error.scim_type)
    except ValidationError as error:
        first = Error.from_validation_errors(error)[0]
        return error_answer(first.status or 400, first.detail or "", scim_type=first.scim_type or "")
    except AccessRefused:
        return error_answer(403, "the token may not do that")
    except DomainError as error:
        return _refused(error)


def _refused(error: DomainError) -> HttpResponse:
    if isinstance(error, TooManyRequests):
        return error_answer(429, str(error), Retry_After=str(error.retry_after))
    if isinstance(error, ApiError):
        kind = "invalidSyntax" if error.status == 400 else ""  # noqa: PLR2004 - what cannot be read
        return error_answer(error.status, str(error), scim_type=kind)
    if isinstance(error, EmailRefused):
        return error_answer(400, f"emails.value: {error}", scim_type="invalidValue")
    status, kind = _REFUSALS.get(error.code, (403, ""))
    return error_answer(status, str(error), scim_type=kind)
