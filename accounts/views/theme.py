"""Remember whether a browser shows the console light or dark."""

from django.conf import settings
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.login_steps import own_path
from console.core.access import access
from console.core.permissions import Gate
from console.core.requests import ConsoleRequest

_THEMES = {"light", "dark", "system"}
_YEAR = 365 * 24 * 3600


@access(Gate.PUBLIC)
@require_POST
def theme_set(request: ConsoleRequest) -> HttpResponse:
    """Set the theme's cookie and go back to the page."""
    theme = request.POST.get("theme", "")
    if theme not in _THEMES:
        return HttpResponseBadRequest("There is no such theme.", content_type="text/plain; charset=utf-8")
    response = redirect(own_path(request.POST.get("next", "")) or "home")
    response.set_cookie(
        settings.THEME_COOKIE_NAME,
        theme,
        max_age=_YEAR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response
