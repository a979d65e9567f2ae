"""Turn single sign-on on and off, ask members for it, and remove it."""

from datetime import datetime
from typing import Any

from django.db import transaction

from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from security.models import SsoConnection, SsoDomain
from security.services.sso_certificates import locked_connection
from security.sso_queries import has_fresh_test, last_test

State = SsoConnection.State


class NotReady(DomainError):
    """Something is missing before single sign-on can be turned on, asked for, or removed."""

    code = "sso_not_ready"


def missing_for_on(connection: SsoConnection, *, now: datetime) -> str:
    """Say in a sentence what is missing before the connection can be turned on, or nothing."""
    if not connection.is_complete or not connection.certificates.filter(not_after__gt=now).exists():
        return f"Enter the metadata of {connection.name} first."
    if not SsoDomain.objects.of(connection.account).exclude(verified_at=None).exists():
        return "Prove an email domain by DNS first."
    test = last_test(connection)
    if test is None or not test.is_good or test.at < connection.changed_at:
        return "Test the connection first. The last test must have passed, after the last change."
    return ""


@transaction.atomic
def turn_on(*, actor: Actor, now: datetime) -> SsoConnection:
    """Let people with an address at a proved domain sign in with the provider.

    :raises NotReady: without metadata, a proved domain, or a good test
    """
    actor.require(Permission.SSO_MANAGE)
    connection = locked_connection(actor)
    if connection.is_on:
        return connection
    if missing := missing_for_on(connection, now=now):
        raise NotReady(missing)
    connection.state, connection.turned_on_at = State.ON, now
    connection.save(update_fields=["state", "turned_on_at"])
    return _noted(EventKind.SSO_TURNED_ON, actor, connection, provider=connection.get_provider_display())


@transaction.atomic
def turn_off(*, actor: Actor) -> SsoConnection:
    """Let nobody sign in with the provider; members sign in with their passwords again."""
    actor.require(Permission.SSO_MANAGE)
    connection = locked_connection(actor)
    if not connection.is_on:
        return connection
    test, was_enforced = last_test(connection), connection.is_enforced
    is_tested = test is not None and test.is_good and test.at >= connection.changed_at
    connection.state = State.TESTED if is_tested else State.DRAFT
    connection.turned_on_at = None
    _lift(connection)
    connection.save()
    return _noted(EventKind.SSO_TURNED_OFF, actor, connection, was_enforced=was_enforced)


def _lift(connection: SsoConnection) -> None:
    connection.is_enforced, connection.enforced_at, connection.enforced_by = False, None, None


@transaction.atomic
def enforce(*, actor: Actor, now: datetime) -> SsoConnection:
    """Ask every member with an address at a proved domain, but the owner, to sign in with the provider.

    :raises NotReady: if it is off, or the actor's own last test is not good and of the last 24 hours
    """
    actor.require(Permission.SSO_MANAGE)
    connection = locked_connection(actor)
    if connection.is_enforced:
        return connection
    if not connection.is_on:
        raise NotReady("Turn single sign-on on first.")
    if not has_fresh_test(connection, user=actor.user, now=now):
        raise NotReady(
            "Test the connection yourself first: your own test of the last 24 hours must have passed."
        )
    connection.is_enforced, connection.enforced_at, connection.enforced_by = True, now, actor.user
    connection.save(update_fields=["is_enforced", "enforced_at", "enforced_by"])
    return _noted(EventKind.SSO_ENFORCED, actor, connection)


@transaction.atomic
def end_enforcement(*, actor: Actor) -> SsoConnection:
    """Let members sign in with the provider or with their passwords."""
    actor.require(Permission.SSO_MANAGE)
    connection = locked_connection(actor)
    if not connection.is_enforced:
        return connection
    _lift(connection)
    connection.save(update_fields=["is_enforced", "enforced_at", "enforced_by"])
    return _noted(EventKind.SSO_ENFORCEMENT_ENDED, actor, connection)


@transaction.atomic
def remove_connection(*, actor: Actor) -> None:
    """Forget the provider, its certificates, and who its people are; proved domains stay.

    :raises NotReady: while single sign-on is on
    """
    actor.require(Permission.SSO_MANAGE)
    connection = locked_connection(actor)
    if connection.is_on:
        raise NotReady("Turn single sign-on off first.")
    _noted(EventKind.SSO_CONNECTION_REMOVED, actor, connection, entity_id=connection.entity_id)
    connection.delete()


def _noted(kind: EventKind, actor: Actor, connection: SsoConnection, **facts: Any) -> SsoConnection:
    record(kind, actor=actor, target=connection, **facts)
    return connection
