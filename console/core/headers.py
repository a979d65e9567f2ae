"""Set the security headers of every answer (OWASP ASVS 5.0, V3.4; W3C CSP Level 3)."""

from collections.abc import Callable, Mapping

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from console.core.addresses import client_scheme
from console.core.api import refuse_plain

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
    "report-uri": "/csp-report/",
}
_PAGE_POLICY = "; ".join(f"{name} {value}" for name, value in _POLICY.items())
_SANDBOX_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"
_PERMISSIONS = (
    "camera=(), geolocation=(), microphone=(), payment=(self), "
    "publickey-credentials-create=(self), publickey-credentials-get=(self)"
)
_MACHINES = ("/v1/", "/scim/", "/internal/", "/webhooks/", "/billing/stripe/webhook/")


def keep_address_secret(response: HttpResponse) -> HttpResponse:
    """Send no referrer from a page whose address holds a one-use token."""
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def widen_policy(response: HttpResponse, sources: Mapping[str, str]) -> HttpResponse:
    """Let one page load from further sources, given by directive."""
    policy = dict(_POLICY)
    for name, more in sources.items():
        policy[name] = f"{policy[name]} {more}" if name in policy else more
    response.headers["Content-Security-Policy"] = "; ".join(
        f"{name} {value}" for name, value in policy.items()
    )
    return response


class HeadersMiddleware:
    """Add the headers that no view may forget, and keep plain http out of production."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer with the headers of the answer's class."""
        response = _refuse_plain(request) or _refuse_cross_site(request) or self.get_response(request)
        _set_headers(request, response)
        return response


def _refuse_plain(request: HttpRequest) -> HttpResponse | None:
    if not settings.IS_HTTPS or _is_secure(request) or request.path.startswith("/healthz/"):
        return None
    if request.path.startswith(_MACHINES):
        # A redirect would hide that a credential crossed the network in clear.
        return refuse_plain(request)
    return HttpResponseRedirect(settings.BASE_URL + request.get_full_path(), status=308)


def _is_secure(request: HttpRequest) -> bool:
    if not settings.TRUSTED_PROXIES:
        return request.is_secure()
    return client_scheme(request.META, trusted_proxies=settings.TRUSTED_PROXIES) == "https"


def _refuse_cross_site(request: HttpRequest) -> HttpResponse | None:
    """Refuse to be loaded as a part of another site's page (Fetch Metadata, W3C)."""
    site = request.headers.get("Sec-Fetch-Site")
    is_part = site == "cross-site" and request.headers.get("Sec-Fetch-Mode") != "navigate"
    has_session = settings.SESSION_COOKIE_NAME in request.COOKIES
    if is_part and has_session and not request.path.startswith(settings.STATIC_URL):
        return HttpResponse(
            "Cross-site requests are refused.", status=403, content_type="text/plain; charset=utf-8"
        )
    return None


def _set_headers(request: HttpRequest, response: HttpResponse) -> None:
    is_download = "attachment" in response.headers.get("Content-Disposition", "")
    is_static = request.path.startswith(settings.STATIC_URL) and response.status_code in {200, 304}
    headers = {
        "Content-Security-Policy": _SANDBOX_POLICY if is_download else _PAGE_POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": _PERMISSIONS,
    }
    if not is_static:
        headers["Cache-Control"] = "no-store"
    if settings.SECURE_HSTS_SECONDS:
        headers["Strict-Transport-Security"] = _transport_security()
    for name, value in headers.items():
        response.headers.setdefault(name, value)


def _transport_security() -> str:
    preload = "; preload" if settings.SECURE_HSTS_PRELOAD else ""
    return f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains{preload}"
