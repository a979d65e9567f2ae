"""Steps of the stories about single sign-on: a connection, its provider, and a browser that goes there and back."""

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import Account, User
from security.models import SsoCertificate, SsoConnection, SsoDomain, SsoLink
from security.sso import addresses, messages
from tests.security import saml_peer as peer

IDP = "https://idp.example"


def make_connection(
    account: Account, *, domain: str = "halyard.example", key: str = "provider", **fields: Any
) -> SsoConnection:
    """Give the account a connection that is on, with a verified domain."""
    now = timezone.now()
    values: dict[str, Any] = {
        "provider": "other",
        "state": "on",
        "entity_id": peer.PROVIDER,
        "sso_url": f"{IDP}/sso",
        "slo_url": f"{IDP}/slo",
        "default_role": "support",
        "turned_on_at": now,
        "certificate_ends_at": now,
        "changed_at": now,
    } | fields
    connection = SsoConnection(account=account, **values)
    private, certificate = peer.pair("ours", 2048)
    connection.put_key(private)
    connection.certificate = peer.pem_of(certificate)
    connection.save()
    theirs = peer.pair(key)[1]
    SsoCertificate.objects.create(
        connection=connection,
        place=1,
        pem=peer.pem_of(theirs),
        fingerprint=key * 8,
        not_after=theirs.not_valid_after_utc,
    )
    if domain:
        SsoDomain.objects.create(account=account, domain=domain, challenge="x", verified_at=now)
    return connection


def link(connection: SsoConnection, user: User) -> SsoLink:
    """Say that the person is known to the provider by their address."""
    return SsoLink.objects.create(connection=connection, user=user, name_id=user.email)


def request_id_of(response: Any) -> str:
    """Return the id of the request with which the browser is sent to the provider."""
    assert response.status_code == 302, response.content.decode()[:2000]
    assert response["Location"].startswith(f"{IDP}/sso?")
    packed = parse_qs(urlsplit(response["Location"]).query)["SAMLRequest"][0]
    return str(messages.parse(messages.decode_redirect(packed)).get("ID"))


def says(
    connection: SsoConnection, request_id: str, *, now: datetime | None = None, **bent: Any
) -> dict[str, Any]:
    """Return what the provider of a connection asserts, bent as told."""
    return {
        "request_id": request_id,
        "acs": addresses.acs_url(connection.public_id),
        "audience": addresses.entity_id(connection.public_id),
        "issuer": connection.entity_id,
        "now": now or timezone.now(),
        "assertion_id": f"a{request_id}",
        "attributes": {},
    } | bent


def answer(
    client: Client, connection: SsoConnection, request_id: str, *, key: str = "provider", **bent: Any
) -> Any:
    """Post the provider's answer as a browser does that comes from another site: without the session's cookie."""
    text = peer.encode(peer.signed(key=peer.pair(key)[0], **says(connection, request_id, **bent)))
    return post(client, connection, text)


def post(client: Client, connection: SsoConnection, text: str) -> Any:
    kept = {name: client.cookies[name] for name in (settings.SSO_COOKIE_NAME,) if name in client.cookies}
    other = Client(enforce_csrf_checks=True)
    other.cookies.update(kept)
    response = other.post(
        f"/sso/{connection.public_id}/acs/", {"SAMLResponse": text, "RelayState": "https://evil.example/"}
    )
    if settings.SSO_COOKIE_NAME in other.cookies:
        client.cookies[settings.SSO_COOKIE_NAME] = other.cookies[settings.SSO_COOKIE_NAME]
    return response


def start(client: Client, connection: SsoConnection, path: str = "") -> str:
    """Go to the provider, and return the id of the request."""
    return request_id_of(client.get(f"/sso/{connection.public_id}/start/{path}"))


def sign_in(client: Client, connection: SsoConnection, email: str, **bent: Any) -> Any:
    """Sign in through the provider as far as the page after it."""
    given = answer(client, connection, start(client, connection), name_id=email, **bent)
    assert given.status_code == 303, given.content.decode()[:3000]
    return client.get("/sso/finish/")
