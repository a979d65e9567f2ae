"""Send a request through the console from inside: a held act, or a look at the form that it came from.

It passes the same doors as any other request.
"""

from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.handlers.wsgi import WSGIRequest
from django.http import Http404, HttpResponse, QueryDict
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import resolve
from django.utils.datastructures import MultiValueDict

from console.core.access import AccessMiddleware
from console.core.forms import typed_before
from security import services

_FORM, _PARTS = "application/x-www-form-urlencoded", "multipart/form-data"
_SHOWN = 200


def replay(request: Any, act: services.Act) -> HttpResponse:
    """Carry the held act out as if it came in now."""
    return _dispatch(_inner_request(request, act.path, act.body, _files_of(act)))


def forward(request: Any, act: services.Act) -> HttpResponse:
    """Pass a form on to the act's own address: it was drawn there, and is shown under the question's address."""
    inner = _inner_request(request, act.path, request.POST.urlencode(), request.FILES)
    match = resolve(inner.path_info)
    check = CsrfViewMiddleware(_no_response)
    return check.process_view(inner, match.func, (), {}) or _dispatch(inner)


def draw_again(request: Any, act: services.Act) -> HttpResponse | None:
    """Draw the form that the act came from with what was typed; None when no page of ours shows it so."""
    with typed_before(QueryDict(act.body)) as typed:
        for path in filter(None, (act.path, act.back)):
            try:
                answer = _dispatch(_inner_request(request, path, method="GET"))
            except (Http404, PermissionDenied):
                continue
            if answer.status_code == _SHOWN and typed.is_shown:
                return answer
    return None


def _files_of(act: services.Act) -> MultiValueDict:
    files: MultiValueDict = MultiValueDict()
    for upload in act.files:
        content, size = BytesIO(upload.content), len(upload.content)
        about: tuple[Any, ...] = (
            upload.field,
            upload.name,
            upload.content_type,
            size,
            upload.charset,
            upload.extra,
        )
        files.appendlist(upload.field, InMemoryUploadedFile(content, *about))
    return files


def _inner_request(
    request: Any, path: str, body: str = "", files: MultiValueDict | None = None, *, method: str = "POST"
) -> Any:
    parts, content = urlsplit(path), b"" if files else body.encode()
    environ = {
        name: value for name, value in request.META.items() if not name.startswith(("HTTP_HX_", "wsgi.input"))
    }
    environ |= {
        "REQUEST_METHOD": method,
        "PATH_INFO": unquote(parts.path).encode().decode("latin-1"),
        "QUERY_STRING": parts.query,
        "CONTENT_TYPE": _PARTS if files else _FORM,
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.input": BytesIO(content),
    }
    inner: Any = WSGIRequest(environ)
    if files:
        # The parts were read when they came in; names and contents stay exactly as they were.
        inner._post, inner._files = QueryDict(body, mutable=False), files  # noqa: SLF001
    for name in ("session", "user", "origin", "htmx", "_messages"):
        setattr(inner, name, getattr(request, name))
    return inner


def _dispatch(inner: Any) -> HttpResponse:
    match = resolve(inner.path_info)
    inner.resolver_match = match
    arguments: dict[str, Any] = dict(match.kwargs)
    view: Callable[..., Any] = match.func
    refusal = AccessMiddleware(_no_response).process_view(inner, view, match.args, arguments)
    answer: HttpResponse = refusal or view(inner, *match.args, **arguments)
    return answer


def _no_response(request: Any) -> HttpResponse:
    return HttpResponse()
