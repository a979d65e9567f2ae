"""Say on a page why a sign-in through a provider leads nowhere, and what helps; logs hold the exact reason."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from console.core.errors import TooManyRequests
from security.services.sso_errors import SsoRefused

_REFUSED, _OFTEN = 403, 429
_ADMIN = "Tell whoever looks after single sign-on at your company."
_OTHER = f"Sign in at the provider as the person you are here. {_ADMIN} Who leaves the team and comes back is linked anew."
_WORDS: Mapping[str, tuple[str, str]] = {
    "message": (
        "Your provider's answer was refused",
        f"We could not rely on what arrived. Sign in again. {_ADMIN}",
    ),
    "stale": (
        "This sign-in is over",
        "It took too long, was used already, or began in another browser. Sign in again from here.",
    ),
    "replayed": ("This sign-in was used already", "Each answer of your provider works once. Sign in again."),
    "off": ("Single sign-on is off", f"This connection cannot be used now. {_ADMIN}"),
    "unasked": (
        "Begin the sign-in here",
        "Your company does not take sign-ins that begin at the provider. Enter your email address here instead.",
    ),
    "address": (
        "Your provider sent no usable address",
        f"The answer must hold one email address in plain letters. {_ADMIN}",
    ),
    "domain": (
        "Your address is outside your company's domains",
        f"Your provider may only sign in addresses of domains that the account has verified. {_ADMIN}",
    ),
    "person": ("This person can't sign in here", f"Single sign-on does not open this sign-in. {_ADMIN}"),
    "owner": (
        "The owner signs in with a password first",
        "Sign in with password and second factor, then run the test of the connection: it links you to the provider.",
    ),
    "other-person": (
        "Your provider names somebody else",
        _OTHER,
    ),
    "suspended": (
        "Your membership has ended or is suspended",
        f"The account does not open for you now. {_ADMIN}",
    ),
    "plan": ("This account takes no new members", f"Its plan does not include a team now. {_ADMIN}"),
    "not-fresh": (
        "Your provider did not ask you again",
        "To confirm this it must ask for your password once more. Try again, or confirm in another way.",
    ),
    "logout": (
        "This sign-out was refused",
        "The message is not one that we can rely on. You can sign out here.",
    ),
}


def refused(request: Any, error: SsoRefused | TooManyRequests) -> HttpResponse:
    """Show why the sign-in leads nowhere, and the way on."""
    if isinstance(error, TooManyRequests):
        context = {"title": "Too many sign-ins at once", "text": str(error)}
        response = render(request, "security/sso_refused.html", context, status=_OFTEN)
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    title, text = _WORDS.get(error.code, _WORDS["message"])
    return render(request, "security/sso_refused.html", {"title": title, "text": text}, status=_REFUSED)
