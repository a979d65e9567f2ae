"""Set a connection to an identity provider up: whose it is, where it is, what its attributes mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography import x509
from django.conf import settings
from django.db import transaction

from accounts.models import Account
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from console.core.ratelimit import Limit, spend
from security.models import SsoConnection, SsoGroupRole, SsoLink
from security.services.sso_certificates import locked_connection, newest_live, replace_certificates
from security.sso.keys import make_key_pair
from security.sso.metadata import ProviderMetadata
from teams.roles import Role

State = SsoConnection.State
MOST_GROUPS = 50
ATTRIBUTES = ("email", "first_name", "last_name", "full_name", "groups")
_SETUPS = Limit("sso-setup", 20, 3600)


class SetupRefused(DomainError):
    """The connection cannot be changed like this."""

    code = "sso_setup_refused"


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """Where a provider is and what it signs with, as its metadata or a person says it."""

    entity_id: str
    sso_url: str
    slo_url: str
    certificates: tuple[x509.Certificate, ...]
    metadata_url: str = ""

    @classmethod
    def of(cls, metadata: ProviderMetadata, *, url: str = "") -> "ProviderFacts":
        """Return the facts that metadata holds, and the address it came from."""
        found = metadata
        return cls(found.entity_id, found.sso_url, found.slo_url, found.certificates, url)


def choose_provider(*, actor: Actor, provider: str, now: datetime) -> SsoConnection:
    """Begin to set up single sign-on, or say that the provider is another one while it is off.

    :raises SetupRefused: if single sign-on is on
    """
    actor.require(Permission.SSO_MANAGE)
    spend(_SETUPS, str(actor.account.pk), now=now)
    key, certificate = make_key_pair(name=f"{settings.SITE_NAME} {actor.account.auth_id}", now=now)
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)
        connection = SsoConnection.objects.of(actor.account).select_for_update().first()
        if connection is None:
            return _make(actor, provider, key, certificate, now)
        if connection.is_on and connection.provider != provider:
            raise SetupRefused("Turn single sign-on off before you choose another provider.")
        if connection.provider != provider:
            before, connection.provider = connection.provider, provider
            connection.save(update_fields=["provider"])
            _note(actor, connection, before={"provider": before}, after={"provider": provider})
        return connection


def _make(actor: Actor, provider: str, key: bytes, certificate: str, now: datetime) -> SsoConnection:
    connection = SsoConnection(account=actor.account, provider=provider, made_by=actor.user)
    connection.made_at = connection.changed_at = now
    connection.put_key(key)
    connection.certificate = certificate
    ends_at = x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc
    connection.certificate_ends_at = ends_at
    for name, value in GUESSES.get(provider, GUESSES["other"]).items():
        setattr(connection, f"{name}_attribute", value)
    connection.save()
    record(EventKind.SSO_CONNECTION_MADE, actor=actor, target=connection, provider=provider)
    return connection


# What each provider's guide asks people to send; they can name others.
GUESSES: Mapping[str, Mapping[str, str]] = {
    "entra": {
        "email": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
        "first_name": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname",
        "last_name": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname",
        "groups": "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
    },
    "other": {"email": "email", "first_name": "firstName", "last_name": "lastName", "groups": "groups"},
}


def _note(actor: Actor, connection: SsoConnection, **facts: Any) -> None:
    record(EventKind.SSO_CONNECTION_CHANGED, actor=actor, target=connection, **facts)


@transaction.atomic
def put_facts(*, actor: Actor, facts: ProviderFacts, now: datetime) -> SsoConnection:
    """Say where the provider is and what it signs with; another test is due when that changed.

    :raises SetupRefused: if it is another provider than the one that is on
    :raises CertificateRefused: if no certificate holds
    """
    actor.require(Permission.SSO_MANAGE)
    connection = locked_connection(actor)
    certificates = newest_live(facts.certificates, now=now)
    if connection.is_on and connection.entity_id != facts.entity_id:
        raise SetupRefused("These are the facts of another provider. Turn single sign-on off first.")
    before = _shown(connection)
    if connection.entity_id != facts.entity_id:
        # Another provider has other names for people: each is linked anew at the first sign-in.
        SsoLink.objects.filter(connection=connection).delete()
    connection.entity_id, connection.sso_url = facts.entity_id, facts.sso_url
    connection.slo_url, connection.metadata_url = facts.slo_url, facts.metadata_url
    connection.metadata_fetched_at = now if facts.metadata_url else None
    connection.metadata_error, connection.metadata_failing_since = "", None
    is_new = replace_certificates(connection, certificates, actor=actor, now=now)
    if is_new or before != _shown(connection):
        _restart(connection, now)
        _note(actor, connection, before=before, after=_shown(connection))
    connection.save()
    return connection


def _shown(connection: SsoConnection) -> dict[str, str]:
    names = ("entity_id", "sso_url", "slo_url", "metadata_url")
    return {name: str(getattr(connection, name)) for name in names}


def _restart(connection: SsoConnection, now: datetime) -> None:
    """Ask for another test before the connection is turned on or enforced."""
    connection.changed_at = now
    connection.state = State.ON if connection.is_on else State.DRAFT


@transaction.atomic
def put_attributes(*, actor: Actor, names: Mapping[str, str], now: datetime) -> SsoConnection:
    """Say under which names the provider sends email, name and groups; another test is due."""
    actor.require(Permission.SSO_MANAGE)
    connection = locked_connection(actor)
    before = _attributes(connection)
    for name in ATTRIBUTES:
        setattr(connection, f"{name}_attribute", names.get(name, ""))
    if before != _attributes(connection):
        _restart(connection, now)
        connection.save()
        _note(actor, connection, before=before, after=_attributes(connection))
    return connection


def _attributes(connection: SsoConnection) -> dict[str, str]:
    return {name: str(getattr(connection, f"{name}_attribute")) for name in ATTRIBUTES}


@transaction.atomic
def put_rules(
    *, actor: Actor, default_role: str, allows_idp_initiated: bool, is_two_factor: bool
) -> SsoConnection:
    """Set which role new members get, who may begin a sign-in, and whether it counts as two factors.

    :raises SetupRefused: if the role is the owner's
    """
    actor.require(Permission.SSO_MANAGE)
    if default_role == Role.OWNER:
        raise SetupRefused("Nobody becomes Owner by single sign-on.", field="default_role")
    connection = locked_connection(actor)
    before = _rules(connection)
    connection.default_role = default_role
    connection.allows_idp_initiated, connection.is_two_factor = allows_idp_initiated, is_two_factor
    if before != _rules(connection):
        connection.save()
        _note(actor, connection, before=before, after=_rules(connection))
    return connection


def _rules(connection: SsoConnection) -> dict[str, Any]:
    names = ("default_role", "allows_idp_initiated", "is_two_factor")
    return {name: getattr(connection, name) for name in names}


@transaction.atomic
def put_group(*, actor: Actor, group: str, role: str) -> SsoGroupRole:
    """Say which role a group of the provider stands for; the group's other role, if any, is replaced.

    :raises SetupRefused: if the role is the owner's, or there are as many groups as can be
    """
    actor.require(Permission.SSO_MANAGE)
    if role == Role.OWNER:
        raise SetupRefused("Nobody becomes Owner by single sign-on.", field="role")
    connection = locked_connection(actor)
    row = SsoGroupRole.objects.filter(connection=connection, group=group).first()
    if row is None and connection.group_roles.count() >= MOST_GROUPS:
        raise SetupRefused(
            f"There are {MOST_GROUPS} groups, as many as can be. Remove one first.", field="group"
        )
    before = row.role if row else ""
    row = row or SsoGroupRole(connection=connection, group=group)
    row.role = role
    if before != role:
        row.save()
        _note(actor, connection, group=group, before={"role": before}, after={"role": role})
    return row


@transaction.atomic
def remove_group(*, actor: Actor, public_id: UUID) -> None:
    """Forget which role a group stands for."""
    actor.require(Permission.SSO_MANAGE)
    connection = locked_connection(actor)
    row = connection.group_roles.filter(public_id=public_id).first()
    if row is not None:
        _note(actor, connection, group=row.group, before={"role": row.role}, after={"role": ""})
        row.delete()
