"""Know where a request comes from, give it an id, log it, and cap its body."""

import logging
import re
import time
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import get_random_string

from console.core.addresses import client_address

request_id: ContextVar[str] = ContextVar("request_id", default="")
_log = logging.getLogger("console.request")
_AGENT_LIMIT = 300
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a deed comes from: address (or None when unknown), user agent and request id."""

    ip: str | None = None
    user_agent: str = ""
    request_id: str = ""


class ConsoleRequest(HttpRequest):
    """A request after the middleware: what views may rely on. Never instantiated."""

    user: Any
    actor: Any
    sign_in: Any
    origin: Origin
    htmx: Any


def origin_of(request: HttpRequest) -> Origin:
    """Return the origin that the middleware put on the request."""
    return request.origin  # type: ignore[attr-defined]


class RequestMiddleware:
    """Give each request an id and an origin, and write one log line about it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, then log route, status and time; never the query string."""
        started = time.perf_counter()
        token = request_id.set(uuid.uuid4().hex)
        request.origin = _read_origin(request)  # type: ignore[attr-defined]
        try:
            response = self.get_response(request)
            response.headers["X-Request-Id"] = request_id.get()
            _write_line(request, response, started)
            return response
        finally:
            request_id.reset(token)


def _read_origin(request: HttpRequest) -> Origin:
    address = client_address(request.META, trusted_proxies=settings.TRUSTED_PROXIES)
    agent = _CONTROL.sub("", request.META.get("HTTP_USER_AGENT", ""))[:_AGENT_LIMIT]
    return Origin(ip=str(address) if address else None, user_agent=agent, request_id=request_id.get())


def _write_line(request: HttpRequest, response: HttpResponse, started: float) -> None:
    from console.core.metrics import observe_request  # noqa: PLC0415 - metrics read settings lazily

    match = request.resolver_match
    route = match.view_name if match else "unmatched"
    seconds = time.perf_counter() - started
    observe_request(route=route, method=request.method or "", status=response.status_code, seconds=seconds)
    actor = getattr(request, "actor", None)
    _log.info(
        "request",
        extra={
            "route": route,
            "method": request.method,
            "status": response.status_code,
            "milliseconds": round(seconds * 1000, 1),
            "ip": request.origin.ip,  # type: ignore[attr-defined]
            "account": getattr(getattr(actor, "account", None), "auth_id", None),
            "user": getattr(getattr(actor, "user", None), "pk", None),
        },
    )


class SizeLimitMiddleware:
    """Refuse a body that says it is larger than any page accepts, before it is read."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer 413 for a large, unmeasured or unreadable body."""
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdigit()) or int(length) > settings.MAX_BODY_BYTES:
            from console.errors import too_large  # noqa: PLC0415 - the page belongs to the composition root

            return too_large(request)
        return self.get_response(request)


def new_binding() -> str:
    """Return a random name that ties codes to one sign-in or one session."""
    return get_random_string(22)
