"""The provider's own Python SDK, led to a server on this machine."""

import plivo
import plivo.rest.client as rest
from requests.adapters import HTTPAdapter

CONSTANTS = (
    "PLIVO_API_BASE_URI", "API_VOICE_BASE_URI", "API_VOICE_BASE_URI_FALLBACK_1", "API_VOICE_BASE_URI_FALLBACK_2",
)  # fmt: skip


class LoopbackOnly(HTTPAdapter):
    """Keep tokens on this machine, and remember the last answer."""

    last = None

    def send(self, request, **options):
        assert request.url.startswith("http://localhost:"), request.url
        LoopbackOnly.last = super().send(request, **options | {"proxies": {}})
        return LoopbackOnly.last


def lead_to(url, monkeypatch):
    """Have the SDK call the server at the address."""
    for name in CONSTANTS:
        monkeypatch.setattr(rest, name, f"{url}/v1/Account")


def connect(auth_id, token):
    client = plivo.RestClient(auth_id, token, timeout=30)
    for session in (client.session, client.multipart_session):
        session.trust_env = False
        session.mount("http://", LoopbackOnly())
        session.mount("https://", LoopbackOnly())
    return client
