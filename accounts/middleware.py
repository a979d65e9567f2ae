"""Find who is signed in, and end sessions that are too old or idle for too long."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts.models import Session, User

_TOUCH_EVERY = timedelta(seconds=30)
BACKGROUND_HEADER = "HX-Background"


class SessionMiddleware:
    """Put ``request.user`` on the request from the session's own row: one query for both."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        request.user = SimpleLazyObject(lambda: user_of(request))  # type: ignore[assignment]
        return self.get_response(request)


def session_row(request: Any) -> Session | None:
    """Return the row of the request's session, loading the session if need be."""
    store = request.session
    store.get("next")  # loads the row
    return store.row


def user_of(request: Any) -> User | AnonymousUser:
    """Return the signed-in user, or an anonymous one when there is none or the session is over."""
    if not request.COOKIES.get(settings.SESSION_COOKIE_NAME):
        return AnonymousUser()
    row = session_row(request)
    if row is None or row.user is None or not row.user.is_active:
        return AnonymousUser()
    now = timezone.now()
    if _is_over(row, now):
        request.session.flush()
        request.session["ended"] = "idle"
        return AnonymousUser()
    if now - row.last_seen_at > _TOUCH_EVERY and BACKGROUND_HEADER not in request.headers:
        Session.objects.filter(pk=row.pk).update(last_seen_at=now, ip=request.origin.ip)
    return row.user


def _is_over(row: Session, now: Any) -> bool:
    is_staff = bool(row.user and row.user.is_staff)
    idle = settings.CONSOLE_STAFF_IDLE_MINUTES if is_staff else settings.CONSOLE_SESSION_IDLE_MINUTES
    hours = settings.CONSOLE_STAFF_SESSION_HOURS if is_staff else settings.CONSOLE_SESSION_HOURS
    signed_in_at = row.signed_in_at or row.last_seen_at
    return now - row.last_seen_at > timedelta(minutes=idle) or now - signed_in_at > timedelta(hours=hours)
