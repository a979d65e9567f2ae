"""Let a page load Stripe's form: the only pages that load anything from another host."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse

from console.core.headers import widen_policy

_OFFICIAL = "https://js.stripe.com"
_FRAMES = "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com"


def allow_stripe(response: HttpResponse) -> HttpResponse:
    """Let the page's policy take Stripe's script, its frames and its API (Stripe's security guide)."""
    parts = urlsplit(settings.STRIPE_SCRIPT_URL)
    origin = f"{parts.scheme}://{parts.netloc}"
    if origin == _OFFICIAL:
        return widen_policy(
            response,
            {
                "script-src": f"{origin} https://*.js.stripe.com",
                "frame-src": _FRAMES,
                "connect-src": "https://api.stripe.com",
            },
        )
    return widen_policy(response, {"script-src": origin, "connect-src": origin})
