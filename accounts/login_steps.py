"""Lead a person from a proved password to a session, one step at a time.

The state of an unfinished sign-in lives in the anonymous session under ``sign_in`` and dies after ten minutes.
``settings.LOGIN_STEPS`` names the steps in order; nobody is signed in before none of them is due.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol

from django.conf import settings
from django.http import HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.module_loading import import_string

from accounts.models import User
from accounts.queries.sign_in import is_disowned
from accounts.services.sessions import ProofMissing, open_session
from accounts.services.sign_in import begin_sign_in
from accounts.sessions import own_session
from console.core import crypto
from console.core.requests import new_binding, origin_of

_KEY = "sign_in"


@dataclass(slots=True)
class SignIn:
    """An unfinished sign-in: who, since when, what was proved, and the name that ties codes to it."""

    user: User
    started_at: datetime
    binding: str
    methods: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def has(self, *methods: str) -> bool:
        """Say whether one of the methods was proved in this sign-in."""
        return any(method in self.methods for method in methods)


class LoginStep(Protocol):
    """A step that may stand between a password and a session."""

    route: str

    def is_due(self, sign_in: SignIn) -> bool:
        """Say whether the person must pass the step now."""
        ...


class EmailStep:
    """Ask for the confirmed email address."""

    route = "accounts:activation_sent"

    def is_due(self, sign_in: SignIn) -> bool:
        """Say whether the address is still unconfirmed."""
        return sign_in.user.email_verified_at is None


@cache
def steps() -> tuple[LoginStep, ...]:
    """Return the configured steps in order."""
    return tuple(import_string(path)() for path in settings.LOGIN_STEPS)


def begin(request: Any, user: User, *, method: str = "password", **facts: Any) -> SignIn:
    """Start a sign-in after the first proof; the session gets a new key."""
    following = request.session.get("next", "")
    request.session.flush()
    request.session.cycle_key()
    begun_at, binding = timezone.now().isoformat(), new_binding()
    request.session[_KEY] = {
        "user": user.pk,
        "begun_at": begun_at,
        "started_at": begun_at,
        "password": password_mark(user),
        "binding": binding,
        "methods": [method],
        "facts": facts,
    }
    if following:
        request.session["next"] = following
    rotate_token(request)
    if method == "password":
        # Whoever typed it and went no further may be somebody else: a mail tells the person.
        begin_sign_in(user=user, binding=binding, origin=origin_of(request))
    return SignIn(user, datetime.fromisoformat(begun_at), binding, [method], facts)


def current(request: Any) -> SignIn | None:
    """Return the unfinished sign-in of this browser, unless it is too old, disowned, or its user changed."""
    stored = request.session.get(_KEY)
    if not stored:
        return None
    user = User.objects.filter(pk=stored["user"], is_active=True).first()
    if user is None or _is_over(stored, user):
        del request.session[_KEY]
        return None
    started_at = datetime.fromisoformat(stored["started_at"])
    return SignIn(user, started_at, stored["binding"], list(stored["methods"]), dict(stored["facts"]))


def _is_over(stored: dict[str, Any], user: User) -> bool:
    started_at = datetime.fromisoformat(stored["started_at"])
    is_late = timezone.now() - started_at > timedelta(minutes=settings.CONSOLE_SIGN_IN_MINUTES)
    if is_late or stored["password"] != password_mark(user):
        return True
    return is_disowned(user, begun_at=datetime.fromisoformat(stored["begun_at"]))


def password_mark(user: User) -> str:
    """Return a keyed digest that changes with the password."""
    return crypto.keyed_digest(user.password, purpose="sign-in-mark").hex()


def prove(request: Any, sign_in: SignIn, method: str, **facts: Any) -> None:
    """Note that a method was proved, renew the ten minutes, and give the session a new key."""
    sign_in.methods.append(method)
    sign_in.facts.update(facts)
    request.session[_KEY] |= {
        "methods": sign_in.methods,
        "facts": sign_in.facts,
        "started_at": timezone.now().isoformat(),
    }
    request.session.modified = True
    request.session.cycle_key()


def due_step(sign_in: SignIn) -> LoginStep | None:
    """Return the first step that is due, or None when the person may be signed in."""
    return next((step for step in steps() if step.is_due(sign_in)), None)


def advance(request: Any, sign_in: SignIn) -> HttpResponse:
    """Lead to the next step, or sign the person in."""
    step = due_step(sign_in)
    return redirect(step.route) if step else finish(request, sign_in)


def standing(request: Any) -> str:
    """Return the address of the step at which this browser stands, or nothing when it signs nobody in."""
    sign_in = current(request)
    step = due_step(sign_in) if sign_in else None
    return reverse(step.route) if step else ""


def detour(request: Any, route: str) -> HttpResponse | None:
    """Return a redirect when another step than ``route`` is due, so that none is skipped."""
    step = due_step(request.sign_in)
    if step is not None and step.route == route:
        return None
    return advance(request, request.sign_in)


def finish(request: Any, sign_in: SignIn) -> HttpResponse:
    """Turn the sign-in into a session with a new key, and lead to where the person wanted to go."""
    following = request.session.pop("next", "")
    request.session.pop(_KEY, None)
    request.session.cycle_key()
    rotate_token(request)
    device_key = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    try:
        opened = open_session(
            session=own_session(request),
            user=sign_in.user,
            methods=sign_in.methods,
            device_key=device_key,
            origin=origin_of(request),
            now=timezone.now(),
            binding=sign_in.binding,
        )
    except ProofMissing:
        return redirect(settings.LOGIN_URL)
    response = redirect(own_path(following) or "home")
    remember_device(response, opened.device_key)
    return response


def own_path(path: str) -> str:
    """Return the path when it stays on this site, else an empty text."""
    is_safe = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if is_safe else ""


def remember_device(response: HttpResponse, device_key: str) -> None:
    """Set the cookie by which this browser is known again."""
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        device_key,
        max_age=365 * 24 * 3600,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
