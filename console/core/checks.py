"""Refuse to start with an address that nobody guards, or a production that is not safe."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured

from console.core.access import find_access
from console.core.routes import iter_routes


@register(Tags.urls)
def check_access_declared(app_configs: Sequence[AppConfig] | None, **_: Any) -> Iterable[CheckMessage]:
    """Report each address without a declaration or a name."""
    for route in iter_routes():
        try:
            find_access(route.view)
        except ImproperlyConfigured as error:
            yield Error(str(error), hint="Put @access(...) on the view.", id="console.E001")
        if not route.name.rpartition(":")[2] and not route.view.__module__.startswith("django."):
            yield Error(f"The address {route.pattern!r} has no name.", id="console.E002")


@register(Tags.security)
def check_networks(app_configs: Sequence[AppConfig] | None, **_: Any) -> Iterable[CheckMessage]:
    """Warn when VPN addresses cannot be recognised."""
    if not settings.ANONYMOUS_IP_DATABASE and not settings.IS_DEVELOPMENT:
        yield CheckWarning(
            "No database of anonymous networks is configured: sign-up cannot recognise VPNs.",
            hint="Set ANONYMOUS_IP_DATABASE to a GeoIP2-Anonymous-IP file.",
            id="console.W001",
        )


@register(Tags.security, deploy=True)
def check_production(app_configs: Sequence[AppConfig] | None, **_: Any) -> Iterable[CheckMessage]:
    """Report what must not be so in production."""
    if settings.IS_DEVELOPMENT:
        yield Error("CONSOLE_PROFILE is development.", id="console.E010")
    if not settings.IS_HTTPS:
        yield Error("BASE_URL must begin with https://.", id="console.E011")
    if settings.TEXT_CARRIER.endswith(("DevInboxCarrier", "FailingCarrier")):
        yield Error("TEXT_CARRIER is a carrier for development.", id="console.E012")
    if "Argon2" not in settings.PASSWORD_HASHERS[0]:
        yield Error("The first password hasher must be Argon2.", id="console.E013")
    if not settings.EMAIL_USE_TLS and _is_remote(settings.EMAIL_HOST):
        yield Error("EMAIL_USE_TLS must be on for a remote mail server.", id="console.E014")
    yield from _check_connections()


def _check_connections() -> Iterable[CheckMessage]:
    database = urlsplit(str(settings.DATABASE_URL))
    mode = parse_qs(database.query).get("sslmode", [""])[0]
    if _is_remote(database.hostname or "") and mode != "verify-full":
        yield Error("A remote DATABASE_URL needs sslmode=verify-full.", id="console.E015")
    broker = urlsplit(str(settings.REDIS_URL))
    if _is_remote(broker.hostname or "") and broker.scheme != "rediss":
        yield Error("A remote REDIS_URL must begin with rediss://.", id="console.E016")


def _is_remote(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        # A name without a dot is a neighbour on a private container network.
        return "." in host and not host.endswith(".localhost")
