"""Give every template the site's facts, and account pages their frame."""

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from console import menu
from security.queries import find_waiting_recovery
from security.services.recovery_links import CANCEL, address_of

_THEMES = {"light", "dark"}


@cache
def site_facts() -> dict[str, Any]:
    """Return name, address and support address of the site."""
    return {
        "name": settings.SITE_NAME,
        "base_url": settings.BASE_URL,
        "support_email": settings.SUPPORT_EMAIL,
        "is_development": settings.IS_DEVELOPMENT,
        "trial_credit": settings.CONSOLE_TRIAL_CREDIT,
        "terms_url": reverse("accounts:terms"),
        "privacy_url": reverse("accounts:privacy"),
    }


def site(request: HttpRequest) -> dict[str, Any]:
    """Add the site and the chosen theme."""
    return {"site": site_facts(), "theme": theme_of(request)}


def theme_of(request: HttpRequest) -> str:
    """Return light, dark, or nothing for what the system says."""
    theme = request.COOKIES.get(settings.THEME_COOKIE_NAME, "")
    return theme if theme in _THEMES else ""


def frame(request: HttpRequest) -> dict[str, Any]:
    """Add menu, switcher, person and rights for pages inside an account."""
    actor = getattr(request, "actor", None)
    if actor is None or actor.account is None:
        return {}
    page = menu.frame_of(request, actor)
    return page | {"banner": _banner_of(actor.user) or page["banner"]}


def _banner_of(user: Any) -> dict[str, str] | None:
    """Say on every page that a recovery waits to remove the person's factors, with the way to cancel it."""
    row = find_waiting_recovery(user)
    if row is None:
        return None
    return {
        "level": "warn",
        "text": "Somebody asked us to remove all your second factors, because they are lost.",
        "url": address_of(row, CANCEL, detail="session"),
        "label": "Cancel it",
    }
