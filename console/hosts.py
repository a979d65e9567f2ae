"""Keep the staff's admin and the customers' console on hosts of their own, when ``ADMIN_HOST`` is set."""

from collections.abc import Callable

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import split_domain_port

_ADMIN = "/admin/"
# What staff need to sign in and confirm acts; everything else of the console does not exist on their host.
_SHARED = (
    "/admin/",
    "/sign-in/",
    "/sign-out/",
    "/reset/",
    "/welcome/",
    "/confirm/",
    "/theme/",
    "/csp-report/",
    "/healthz/",
)


class HostMiddleware:
    """Answer 404 for the admin on the console's host, and for the console on the admin's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, if it is at home here."""
        if settings.ADMIN_HOST and not _is_at_home(request):
            raise Http404
        return self.get_response(request)


def _is_at_home(request: HttpRequest) -> bool:
    # Lower case and without a last dot: the two other ways to write one host.
    is_admin_host = split_domain_port(request.get_host())[0] == settings.ADMIN_HOST.lower()
    if is_admin_host:
        return request.path == "/" or request.path.startswith(_SHARED)
    return not request.path.startswith(_ADMIN)
