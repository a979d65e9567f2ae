"""Ask "confirm it's you" before a sensitive act, and carry the act out afterwards, once.

The POST is kept on the server and replayed inside the console: it passes the same doors as any other request.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse, HttpResponseRedirect
from django.middleware.csrf import CsrfViewMiddleware, rotate_token
from django.urls import ResolverMatch, resolve, reverse
from django.utils import timezone

from accounts.login_steps import own_path
from accounts.middleware import session_row
from accounts.models import Session
from console.core import crypto
from console.core.access import Access, AccessMiddleware, find_access
from security import queries, services
from security.models import HeldAct
from security.services.step_up import LARGEST_BODY

ANY, FACTOR, PASSWORD = "any", "factor", "password"
_KEY = "proofs"
_FORM = "application/x-www-form-urlencoded"


def require_recent(request: Any) -> HttpResponse | None:
    """Return None when the person confirmed lately, else hold the act and lead to the question."""
    now = timezone.now()
    if not missing_proofs(request, find_access(request.resolver_match.func), now=now):
        return None
    body = request.POST.urlencode()
    if len(body) > LARGEST_BODY:
        raise RequestDataTooBig("The form is too large to be held.")
    act = services.Act(path=request.get_full_path(), body=body, back=_page_before(request))
    held = services.hold_act(user=request.user, session=session_of(request), act=act, now=now)
    address = reverse("security:confirm", args=[held.public_id])
    if request.htmx:
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address, status=303)


def session_of(request: Any) -> Session:
    """Return the row of the signed-in person's session."""
    row = session_row(request)
    if row is None:
        raise LookupError("A signed-in request has a session.")
    return row


def missing_proofs(request: Any, declared: Access, *, now: datetime) -> list[str]:
    """Return what the person must prove again: any factor, or the second factor, the password, or both."""
    if not declared.recent_auth:
        return []
    fresh = _fresh(request, now)
    if declared.both_factors:
        return [kind for kind in (FACTOR, PASSWORD) if kind not in fresh]
    return [] if fresh else [ANY]


def _fresh(request: Any, now: datetime) -> set[str]:
    limit = timedelta(minutes=settings.CONSOLE_STEP_UP_MINUTES)
    proofs = _proofs(request)
    return {kind for kind, at in proofs.items() if now - datetime.fromisoformat(at) < limit}


def _proofs(request: Any) -> dict[str, str]:
    """Return when each kind was proved; signing in proves both."""
    confirmed_at = session_of(request).confirmed_at
    if confirmed_at is None:
        return {}
    at = confirmed_at.isoformat()
    return dict(request.session.get(_KEY) or {FACTOR: at, PASSWORD: at})


def note_proof(request: Any, method: str, *, now: datetime) -> None:
    """Remember what was proved, and give the session and its forms new keys."""
    kind = PASSWORD if method == queries.PASSWORD else FACTOR
    request.session[_KEY] = _proofs(request) | {kind: now.isoformat()}
    request.session.cycle_key()
    rotate_token(request)


def offered_methods(request: Any, missing: list[str]) -> list[str]:
    """Return the ways to prove the first missing kind, strongest first."""
    factors = queries.methods_of(request.user)
    if missing[0] == PASSWORD:
        return [queries.PASSWORD]
    if missing[0] == FACTOR:
        return factors
    first = [method for method in factors if method != queries.RECOVERY]
    return [*first, queries.PASSWORD, *(method for method in factors if method == queries.RECOVERY)]


def act_token(held: HeldAct) -> str:
    """Return what proves that the confirmation comes from our page for this act and session.

    It outlives the new form keys that a confirmation in another tab brings.
    """
    return crypto.keyed_digest(f"{held.public_id}:{held.session_id}", purpose="held-act").hex()


def is_from_our_page(request: Any, held: HeldAct) -> bool:
    """Say whether the POST carries the token of the act."""
    return crypto.same(request.POST.get("token", "").encode(), act_token(held).encode())


def access_of(path: str) -> tuple[ResolverMatch, Access]:
    """Return where the path leads, and what the view there declares."""
    match = resolve(urlsplit(path).path)
    return match, find_access(match.func)


def deed_of(path: str) -> str:
    """Complete "Confirm it's you": "to generate an Auth Token"; without a declared deed the docstring says it."""
    match, declared = access_of(path)
    sentence = declared.deed or (match.func.__doc__ or "Go on.").strip().splitlines()[0].rstrip(".")
    return f"to {sentence[:1].lower()}{sentence[1:]}"


def replay(request: Any, act: services.Act) -> HttpResponse:
    """Carry the held act out as if it came in now."""
    inner = _inner_request(request, act.path, act.body.encode())
    return _dispatch(inner)


def forward(request: Any, act: services.Act) -> HttpResponse:
    """Pass a form on to the act's own address: it was drawn there, and came here by being replayed."""
    inner = _inner_request(request, act.path, request.POST.urlencode().encode())
    match = resolve(inner.path_info)
    check = CsrfViewMiddleware(_no_response)
    return check.process_view(inner, match.func, (), {}) or _dispatch(inner)


def _no_response(request: Any) -> HttpResponse:
    return HttpResponse()


def _inner_request(request: Any, path: str, body: bytes) -> Any:
    parts = urlsplit(path)
    environ = {
        name: value for name, value in request.META.items() if not name.startswith(("HTTP_HX_", "wsgi.input"))
    }
    environ |= {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": unquote(parts.path).encode().decode("latin-1"),
        "QUERY_STRING": parts.query,
        "CONTENT_TYPE": _FORM,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }
    inner: Any = WSGIRequest(environ)
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


def _page_before(request: Any) -> str:
    parts = urlsplit(request.headers.get("Referer", ""))
    is_ours = parts.netloc in {"", request.get_host()}
    return own_path(parts.path) if is_ours and not parts.path.startswith("/confirm/") else ""


def links_of(held: HeldAct, methods: list[str], labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return label and address of each way to confirm."""
    return [
        (labels[method], reverse("security:confirm_with", args=[held.public_id, method]))
        for method in methods
    ]
