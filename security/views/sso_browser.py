"""Send a browser to a provider, and know it again when it comes back.

The provider's answer is a POST from another site: no Lax cookie comes with it. A cookie of its own, which holds a
random secret and nothing else, is sent along; the session is touched by the GET that follows, on our own site.
"""

import secrets
from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.utils import timezone

from accounts.models import User
from security.models import SsoConnection
from security.services import sso_sign_in

_KEPT_SECONDS = 15 * 60


def leave(
    request: Any, *, connection: SsoConnection, purpose: str, user: User | None = None, next_path: str = ""
) -> HttpResponse:
    """Send the browser to the provider; the answer to this very request is then taken in this browser only.

    Call it for a GET: after a POST the browser's policy for forms refuses to go to another site.

    :raises SsoRefused: if the connection cannot be used for this now
    :raises TooManyRequests: above what one network may do
    """
    browser = secrets.token_urlsafe(32)
    address = sso_sign_in.start(
        connection=connection,
        purpose=purpose,
        user=user,
        next_path=next_path,
        browser=browser,
        origin=request.origin,
        now=timezone.now(),
    )
    response = HttpResponseRedirect(address)
    response.headers["Referrer-Policy"] = "no-referrer"
    remember_browser(response, browser)
    return response


def remember_browser(response: HttpResponse, browser: str) -> None:
    """Set the cookie by which the provider's answer finds its browser."""
    # Browsers take a Secure cookie from http://localhost as well, and SameSite=None needs it.
    response.set_cookie(
        settings.SSO_COOKIE_NAME,
        browser,
        max_age=_KEPT_SECONDS,
        secure=True,
        httponly=True,
        samesite="None",
    )


def browser_of(request: Any) -> str:
    """Return the secret that the browser keeps, or nothing."""
    return str(request.COOKIES.get(settings.SSO_COOKIE_NAME, ""))[:200]


def forget_browser(response: HttpResponse) -> None:
    """Take the cookie back."""
    response.set_cookie(settings.SSO_COOKIE_NAME, "", max_age=0, secure=True, httponly=True, samesite="None")
