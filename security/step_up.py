"""Ask "confirm it's you" before a sensitive act, and keep the act on the server meanwhile, files included."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.urls import ResolverMatch, resolve, reverse
from django.utils import timezone
from django.utils.encoding import force_str

from accounts.login_steps import own_path
from accounts.middleware import session_row
from accounts.models import Session
from console.core import crypto
from console.core.access import Access, find_access
from security import queries, services, sso_gate
from security.models import HeldAct
from security.services.step_up import LARGEST_BODY

ANY, FACTOR, PASSWORD = "any", "factor", "password"
# Guarded acts: a factor that is not new, or also the password in a session that such a factor opened.
STRONG, TRUSTED = "strong", "trusted"
_KEY, _PROVED = "proofs", "proved_with"


def require_recent(request: Any) -> HttpResponse | None:
    """Return None when the person confirmed lately, else hold the act and lead to the question."""
    now = timezone.now()
    if not missing_proofs(request, find_access(request.resolver_match.func), now=now):
        return None
    body = request.POST.urlencode()
    if len(body) > LARGEST_BODY:
        raise RequestDataTooBig("The form is too large to be held.")
    files = _files_of(request)
    act = services.Act(path=request.get_full_path(), body=body, back=_page_before(request), files=files)
    held = services.hold_act(user=request.user, session=session_of(request), act=act, now=now)
    address = reverse("security:confirm", args=[held.public_id])
    if request.htmx:
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address, status=303)


def _files_of(request: Any) -> tuple[services.Upload, ...]:
    """Read the files of the request, unless they are too much to be held."""
    found = [(field, file) for field, files in request.FILES.lists() for file in files]
    try:
        services.check_files([file.size for _, file in found])
    except services.FilesTooLarge as error:
        raise RequestDataTooBig(str(error)) from error
    return tuple(
        services.Upload(
            field=field,
            name=file.name,
            content_type=file.content_type or "",
            content=file.read(),
            charset=force_str(file.charset) if file.charset else None,
            extra={name: force_str(value) for name, value in (file.content_type_extra or {}).items()},
        )
        for field, file in found
    )


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
    fresh, factor = _fresh(request, now), STRONG if declared.is_guarded else FACTOR
    if declared.both_factors:
        return [kind for kind in (factor, PASSWORD) if kind not in fresh]
    if declared.second_factor:
        return [] if factor in fresh else [factor]
    if declared.is_guarded:
        is_trusted = STRONG in fresh or (PASSWORD in fresh and not _weak_until(request, now))
        return [] if is_trusted else [TRUSTED]
    return [] if fresh else [ANY]


def _weak_until(request: Any, now: datetime) -> datetime | None:
    """Return until when the factor is weak that the session was opened with."""
    return services.weakness_of(user=request.user, method=session_of(request).method, now=now)


def proved_with(request: Any) -> tuple[str, ...]:
    """Return the second factor that vouches for one that is added now: the one proved last in this session."""
    return (request.session.get(_PROVED) or session_of(request).method,)


def _fresh(request: Any, now: datetime) -> set[str]:
    limit = timedelta(minutes=settings.CONSOLE_STEP_UP_MINUTES)
    proofs = _proofs(request, now)
    return {kind for kind, at in proofs.items() if now - datetime.fromisoformat(at) < limit}


def _proofs(request: Any, now: datetime) -> dict[str, str]:
    """Return when each kind was proved; signing in proves both, and a strong factor unless it was new.

    A company's provider may have asked long before: signing in through it proves our own factor alone, if one was used.
    """
    session = session_of(request)
    if session.confirmed_at is None:
        return {}
    at = session.confirmed_at.isoformat()
    if stored := request.session.get(_KEY):
        return dict(stored)
    if not sso_gate.is_own(request):
        is_weak = session.method == queries.PROVIDER or _weak_until(request, now)
        kinds = [] if session.method == queries.PROVIDER else [FACTOR]
        return dict.fromkeys(kinds if is_weak else [*kinds, STRONG], at)
    return {FACTOR: at, PASSWORD: at} | ({} if _weak_until(request, now) else {STRONG: at})


def note_proof(request: Any, method: str, *, now: datetime) -> None:
    """Remember what was proved, and give the session and its forms new keys."""
    kinds = [PASSWORD]
    if method != queries.PASSWORD:
        is_new = services.weakness_of(user=request.user, method=method, now=now)
        kinds = [FACTOR] if is_new else [FACTOR, STRONG]
        request.session[_PROVED] = method
    request.session[_KEY] = _proofs(request, now) | dict.fromkeys(kinds, now.isoformat())
    request.session.cycle_key()
    rotate_token(request)


def note_provider(request: Any, *, is_two_factor: bool, now: datetime) -> None:
    """Remember a fresh sign-in at the provider: it stands for the password, and for both factors if it proved both."""
    kinds = [PASSWORD, FACTOR, STRONG] if is_two_factor else [PASSWORD]
    request.session[_KEY] = _proofs(request, now) | dict.fromkeys(kinds, now.isoformat())
    request.session.cycle_key()
    rotate_token(request)


def offered_methods(request: Any, missing: list[str]) -> list[str]:
    """Return the ways to prove the first missing kind, strongest first; none when all factors are too new."""
    kind = missing[0]
    if request.session.get("sso") and (provider := sso_gate.confirming(request)):
        return _offered_beside(request, kind, is_two_factor=provider.is_two_factor)
    return _offered(request, kind)


def _offered_beside(request: Any, kind: str, *, is_two_factor: bool) -> list[str]:
    """Return the ways of a person whose company's provider can ask them again."""
    own = _offered(request, kind)
    if not request.user.has_usable_password():
        own = [method for method in own if method != queries.PASSWORD]
    helps = (
        is_two_factor
        or kind in {ANY, PASSWORD}
        or (kind == TRUSTED and not _weak_until(request, timezone.now()))
    )
    return [*own, queries.PROVIDER] if helps else own


def _offered(request: Any, kind: str) -> list[str]:
    if kind == PASSWORD:
        return [queries.PASSWORD]
    factors = queries.methods_of(request.user)
    if kind in {STRONG, TRUSTED}:
        new = weak_methods(request)
        factors = [method for method in factors if method not in new]
    if kind in {FACTOR, STRONG}:
        return factors
    first = [method for method in factors if method != queries.RECOVERY]
    by_password = kind == ANY or not _weak_until(request, timezone.now())
    last = [method for method in factors if method == queries.RECOVERY]
    return [*first, *([queries.PASSWORD] if by_password else []), *last]


def weak_methods(request: Any) -> dict[str, datetime]:
    """Return the person's factors that are too new for a guarded act, and when each is strong."""
    return services.weak_kinds(user=request.user, now=timezone.now())


def new_factors(request: Any) -> list[tuple[str, datetime]]:
    """Return name and time of each factor that confirms no guarded act before it, the first to be strong first."""
    names = {
        queries.PASSKEY: "passkey",
        queries.APP: "authenticator app",
        queries.PHONE: "phone number",
        queries.RECOVERY: "set of recovery codes",
    }
    found = weak_methods(request).items()
    return sorted(((names[kind], until) for kind, until in found), key=lambda pair: pair[1])


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
