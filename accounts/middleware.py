"""Find who is signed in, and end sessions that are too old or idle for too long."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts.models import Session, User
from accounts.queries.sessions import ended_by, limits_of
from accounts.sessions import session_row

_TOUCH_EVERY = timedelta(seconds=30)
BACKGROUND_HEADER = "HX-Background"


class CookieMiddleware(DjangoSessionMiddleware):
    """Read and set the session cookie, but never delete one because its key is unknown.

    The key changes at each step of signing in. The answer to a second click still carries the old key; deleting
    the cookie there would throw away the new one that the first click brought.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Leave the cookie alone when nothing is in the session and nothing was changed."""
        session: Any = request.session
        if session.is_empty() and not session.modified:
            return response
        return super().process_response(request, response)


class SessionMiddleware:
    """Put ``request.user`` on the request from the session's own row: one query for both."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        request.user = SimpleLazyObject(lambda: user_of(request))  # type: ignore[assignment]
        return self.get_response(request)


def user_of(request: Any) -> User | AnonymousUser:
    """Return the signed-in user, or an anonymous one when there is none or the session is over."""
    if not request.COOKIES.get(settings.SESSION_COOKIE_NAME):
        return AnonymousUser()
    row = session_row(request)
    if row is None or row.user is None:
        # Whether the sign-in page says so is decided where the person is led there.
        request.session_ended = {} if row else {"why": "gone"}
        return AnonymousUser()
    now = timezone.now()
    reason = "disabled" if not row.user.is_active else ended_by(row, now=now)
    if reason:
        request.session.flush()
        request.session["ended"] = _explain(row, reason)
        return AnonymousUser()
    _touch(request, row, now)
    return row.user


def _explain(row: Session, reason: str) -> dict[str, Any]:
    """Return what the sign-in page says about a session that is over."""
    limits = limits_of(row)
    limit = {"idle": limits.idle, "absolute": limits.absolute}.get(reason)
    return {"why": reason, "after": limit.total_seconds() if limit else 0}


def _touch(request: Any, row: Session, now: datetime) -> None:
    if now - row.last_seen_at > _TOUCH_EVERY and BACKGROUND_HEADER not in request.headers:
        Session.objects.filter(pk=row.pk).update(last_seen_at=now, ip=request.origin.ip)
