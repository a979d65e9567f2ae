"""Give every template the site's facts, and account pages their frame."""

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.module_loading import import_string

from console import menu

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
    # The memberships say it, so that a banner that hardly anybody has costs nobody a query.
    is_recovering = any(membership.has_waiting_recovery for membership in actor.memberships)
    banner = import_string(settings.RECOVERY_BANNER)(actor.user) if is_recovering else None
    return page | {"banner": banner or page["banner"]}
