"""Answer calmly when something is wrong: one page per status, JSON for machines."""

import logging
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from console.context import site_facts, theme_of
from console.core.access import AccessRefused, ReadOnly, roles_with
from console.core.access import access as declare
from console.core.api import api_error
from console.core.errors import TooManyRequests
from console.core.metrics import count_refusal
from console.core.permissions import Gate
from console.core.requests import request_id
from security.scim.answers import error_answer as scim_error
from teams.queries import holders_of
from teams.roles import area_of

_API = ("/v1/", "/internal/")
_log = logging.getLogger("console.refusal")


def error_page(request: HttpRequest, status: int, template: str, **context: Any) -> HttpResponse:
    """Render an error page that needs neither session nor database."""
    if request.path.startswith("/scim/"):
        return scim_error(status)
    if request.path.startswith(_API):
        return api_error(request, status)
    context |= {"request_id": request_id.get(), "theme": theme_of(request)}
    return HttpResponse(render_to_string(f"errors/{template}.html", context | _site()), status=status)


def _site() -> dict[str, Any]:
    return {"site": site_facts()}


def _refuse(request: HttpRequest, reason: str) -> None:
    count_refusal(reason)
    _log.info("refused", extra={"reason": reason, "path": request.path[:200]})


@declare(Gate.PUBLIC)
def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 400."""
    _refuse(request, "bad-request")
    return error_page(request, 400, "400")


@declare(Gate.PUBLIC)
def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403, naming the roles that could."""
    _refuse(request, "forbidden")
    if isinstance(exception, ReadOnly):
        return error_page(request, 403, "read_only", because=exception.because)
    actor: Any = getattr(request, "actor", None)
    if not isinstance(exception, AccessRefused):
        return error_page(request, 403, "403")
    page: dict[str, Any] = {"allowed_roles": roles_with(exception.right), "area": area_of(exception.right)}
    if getattr(actor, "account", None) is not None:
        page |= {"actor": actor, "holders": holders_of(actor.account, exception.right)}
    return error_page(request, 403, "403", **page)


@declare(Gate.PUBLIC)
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404, in the same words for missing and foreign things."""
    _refuse(request, "not-found")
    return error_page(request, 404, "404")


@declare(Gate.PUBLIC)
def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 with the request id and nothing from inside."""
    return error_page(request, 500, "500")


@declare(Gate.PUBLIC)
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 when the form's token is missing or foreign."""
    _refuse(request, "csrf")
    return error_page(request, 403, "csrf")


@declare(Gate.PUBLIC)
def too_large(request: HttpRequest) -> HttpResponse:
    """Answer 413."""
    _refuse(request, "too-large")
    return error_page(request, 413, "413")


@declare(Gate.PUBLIC)
def throttled(request: HttpRequest, exception: TooManyRequests) -> HttpResponse:
    """Answer 429 with the time to wait."""
    _refuse(request, "throttled")
    page = error_page(request, 429, "429", retry_after=exception.retry_after, message=str(exception))
    page.headers["Retry-After"] = str(exception.retry_after)
    return page


class RefusalMiddleware:
    """Turn a limit that no view caught, and a 405 without a page, into their pages."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        response = self.get_response(request)
        if response.status_code == 405 and not response.content:  # noqa: PLR2004 - method not allowed
            page = error_page(request, 405, "405", allow=response.headers.get("Allow", ""))
            page.headers["Allow"] = response.headers.get("Allow", "")
            return page
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer 429 for a limit."""
        if not isinstance(exception, TooManyRequests):
            return None
        return throttled(request, exception)
