"""Name the addresses of a connection: every one holds the connection's own id, so that none can be mixed up."""

from uuid import UUID

from django.conf import settings
from django.urls import reverse


def acs_url(connection_id: UUID) -> str:
    """Return where the provider posts its answers."""
    return _absolute("security:sso_acs", connection_id)


def entity_id(connection_id: UUID) -> str:
    """Return the name under which the provider knows the connection; its metadata is there."""
    return _absolute("security:sso_metadata", connection_id)


def slo_url(connection_id: UUID) -> str:
    """Return where the provider sends people who sign out."""
    return _absolute("security:sso_slo", connection_id)


def _absolute(route: str, connection_id: UUID) -> str:
    return f"{settings.BASE_URL}{reverse(route, kwargs={'connection': connection_id})}"
