"""Declare who may call a view, and refuse every request that its view does not accept."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.utils import timezone
from django.utils.module_loading import import_string

from console.core.errors import TooManyRequests
from console.core.permissions import GUARDED, Gate, Permission
from console.core.requests import Origin, origin_of

_SAFE = {"GET", "HEAD"}
View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class AccessRefused(PermissionDenied):
    """The actor lacks a right; the 403 page says which roles hold it."""

    def __init__(self, right: Permission | Gate) -> None:
        super().__init__(f"{right} is missing")
        self.right = right


class ReadOnly(PermissionDenied):
    """The actor may look and change nothing now; ``because`` says why."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, in which account, with which rights, from where.

    ``frozen`` are rights that open pages and change nothing now, ``frozen_because`` says why: the account's plan
    ended, or an admin looks as another role. ``memberships`` are those of the user, for the account switcher. ``user`` is None for the system and for API callers; ``account`` is None outside any account. ``subaccount_id`` keeps the credentials of a subaccount to what it owns.
    """

    user: Any = None
    account: Any = None
    rights: frozenset[Permission] = frozenset()
    role: str = ""
    kind: str = "user"
    origin: Origin = field(default_factory=Origin)
    memberships: tuple[Any, ...] = ()
    frozen: frozenset[Permission] = frozenset()
    frozen_because: str = ""
    subaccount_id: int | None = None

    def can(self, right: Permission) -> bool:
        """Say whether the actor holds the right."""
        return right in self.rights

    def require(self, right: Permission) -> None:
        """Raise AccessRefused unless the actor holds the right, and ReadOnly while it is frozen."""
        self.require_view(right)
        if right in self.frozen:
            raise ReadOnly(self.frozen_because)

    def require_view(self, right: Permission) -> None:
        """Raise AccessRefused unless the actor may open what the right opens."""
        if right not in self.rights:
            raise AccessRefused(right)

    def require_staff(self) -> None:
        """Raise AccessRefused unless the actor is one of the provider's staff."""
        if self.kind != "staff":
            raise AccessRefused(Gate.STAFF)

    @classmethod
    def system(cls, account: Any = None) -> "Actor":
        """Return the console itself, acting with every right."""
        return cls(account=account, rights=frozenset(Permission), kind="system")

    @classmethod
    def person(cls, user: Any, *, origin: Origin, account: Any = None) -> "Actor":
        """Return a person who acts on their own sign-in, outside the rights of an account."""
        return cls(user=user, account=account, rights=frozenset({Permission.SELF_MANAGE}), origin=origin)


@dataclass(frozen=True, slots=True)
class Access:
    """What a view declares.

    ``both_factors`` asks for a fresh password and a fresh second factor, ``second_factor`` for the latter alone;
    ``deed`` completes "Confirm it's you, to …". ``reads`` is said of a POST that only hands something out.
    """

    right: Permission | Gate
    recent_auth: bool = False
    both_factors: bool = False
    deed: str = ""
    second_factor: bool = False
    reads: bool = False

    @property
    def is_guarded(self) -> bool:
        """Say whether the act is one that a second factor does not confirm while it is new."""
        return self.recent_auth and self.right in GUARDED


def access(
    right: Permission | Gate,
    *,
    recent_auth: bool = False,
    both_factors: bool = False,
    second_factor: bool = False,
    reads: bool = False,
    deed: str = "",
) -> Callable[[View], View]:
    """Declare who may call the view; ``recent_auth`` asks for a fresh confirmation before it acts."""

    def declare(view: View) -> View:
        is_asked = recent_auth or both_factors or second_factor
        view.access = Access(right, is_asked, both_factors, deed, second_factor, reads)  # type: ignore[attr-defined]
        return view

    return declare


def find_access(view: Callable[..., Any]) -> Access:
    """Return what the view, or the settings for its package, declare.

    :raises ImproperlyConfigured: if nothing is declared
    """
    declared = getattr(view, "access", None)
    if isinstance(declared, Access):
        return declared
    module = getattr(view, "__module__", "")
    for package, gate in settings.THIRD_PARTY_ACCESS.items():
        if module == package or module.startswith(f"{package}."):
            return Access(Gate(gate))
    raise ImproperlyConfigured(f"{module}.{getattr(view, '__name__', view)} declares no access.")


@cache
def _wired(setting: str) -> Callable[..., Any]:
    return import_string(getattr(settings, setting))


class AccessMiddleware:
    """Refuse every request that its view has not declared it accepts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; the zone that an account's page sets ends with it."""
        with timezone.override(None):
            return self.get_response(request)

    def process_view(self, request: Any, view: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Let the request through, or answer in the view's place."""
        declared = find_access(view)
        auth_id = kwargs.pop("account", None)
        if declared.right in {Gate.PUBLIC, Gate.MACHINE}:
            if auth_id is not None:
                kwargs["account"] = auth_id
            return None
        if declared.right is Gate.SIGNING_IN:
            return _admit_signing_in(request)
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        return _admit_signed_in(request, declared, auth_id)


def _admit_signing_in(request: Any) -> HttpResponseBase | None:
    request.sign_in = _wired("SIGN_IN_READER")(request)
    return None if request.sign_in else redirect(settings.LOGIN_URL)


def _admit_signed_in(request: Any, declared: Access, auth_id: str | None) -> HttpResponseBase | None:
    if declared.right is Gate.STAFF:
        if not request.user.is_staff:
            raise Http404
        return None
    origin = origin_of(request)
    if declared.right is Gate.SIGNED_IN:
        request.actor = Actor.person(request.user, origin=origin)
    else:
        request.actor = _wired("ACTOR_RESOLVER")(request.user, auth_id=auth_id, origin=origin)
        if request.actor is None:
            raise Http404
        request.actor = _wired("ACTOR_LENS")(request, request.actor)
        if (answer := _wired("SESSION_GATE")(request)) is not None:
            return cast("HttpResponseBase", answer)
        _require(request, declared)
        timezone.activate(request.actor.account.time_zone)
    if declared.recent_auth and request.method not in _SAFE:
        return _ask_again(request)
    return None


def _require(request: Any, declared: Any) -> None:
    # Who looks as another role sends nothing at all.
    is_looking = getattr(request, "seen_as", None) is not None
    is_reading = request.method in _SAFE or (declared.reads and not is_looking)
    check = request.actor.require_view if is_reading else request.actor.require
    check(declared.right)


def _ask_again(request: HttpRequest) -> HttpResponseBase | None:
    try:
        answer: HttpResponseBase | None = _wired("STEP_UP")(request)
    except TooManyRequests as error:
        # Django asks no middleware about an exception that comes before the view.
        return cast("HttpResponseBase", _wired("LIMIT_PAGE")(request, error))
    return answer


def _to_sign_in(request: HttpRequest) -> HttpResponseBase:
    response: HttpResponseBase = redirect(settings.LOGIN_URL)
    if request.path == "/" and (step := _wired("STANDING_READER")(request)):
        return redirect(step)
    if "HX-Request" in request.headers:
        # The whole page goes, with what it shows: a part of it must not outlive the session.
        return HttpResponse(status=204, headers={"HX-Redirect": resolve_url(settings.LOGIN_URL)})
    if request.method in {"GET", "HEAD"} and request.path != "/":
        request.session["next"] = request.get_full_path()[:2000]
        if ended := getattr(request, "session_ended", None):
            request.session["ended"] = ended
    return response


def roles_with(right: Permission | Gate) -> list[str]:
    """Return the names of the roles that hold the right, for the 403 page."""
    return _wired("ROLES_WITH")(right)
