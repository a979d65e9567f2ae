"""Keep the certificates that a provider signs with, two at most, and warn before one ends."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from django.db import transaction

from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from security.models import SsoCertificate, SsoConnection
from security.sso.metadata import end_of, pem_of
from teams.services.members import check_may_grant

MARKS = (1, 7, 14, 30, 60)
PLACES = (1, 2)


class CertificateRefused(DomainError):
    """The certificate cannot be taken, or not be removed."""

    code = "certificate_refused"
    field = "certificate"


def fingerprint_of(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of the certificate, as providers show it."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def newest_live(certificates: Iterable[x509.Certificate], *, now: datetime) -> list[x509.Certificate]:
    """Return the certificates that hold now, two at most: those that hold longest.

    :raises CertificateRefused: if none holds
    """
    live = [one for one in certificates if end_of(one) > now]
    if not live:
        raise CertificateRefused("Every certificate has ended. Ask your provider for a new one.")
    return sorted(live, key=end_of, reverse=True)[: len(PLACES)]


def replace_certificates(
    connection: SsoConnection, certificates: Sequence[x509.Certificate], *, actor: Actor, now: datetime
) -> bool:
    """Let the connection have exactly these certificates, and return whether any is new or gone.

    The caller holds the lock of the connection.
    """
    actor.require(Permission.SSO_MANAGE)
    wanted = {fingerprint_of(one): one for one in certificates}
    known = {row.fingerprint: row for row in connection.certificates.all()}
    gone = [row for mark, row in known.items() if mark not in wanted]
    for row in gone:
        _remove(row, connection, actor)
    added = [one for mark, one in wanted.items() if mark not in known]
    for one in added:
        _add(connection, one, actor=actor, now=now)
    return bool(gone or added)


def _add(
    connection: SsoConnection, certificate: x509.Certificate, *, actor: Actor, now: datetime
) -> SsoCertificate:
    taken = set(connection.certificates.values_list("place", flat=True))
    row = SsoCertificate.objects.create(
        connection=connection,
        place=next(place for place in PLACES if place not in taken),
        pem=pem_of([certificate])[0],
        fingerprint=fingerprint_of(certificate),
        not_after=end_of(certificate),
        added_at=now,
    )
    facts: dict[str, Any] = {"fingerprint": row.fingerprint, "ends_at": row.not_after}
    record(EventKind.SSO_CERTIFICATE_ADDED, actor=actor, target=row, account=connection.account, **facts)
    return row


def _remove(row: SsoCertificate, connection: SsoConnection, actor: Actor) -> None:
    facts: dict[str, Any] = {"fingerprint": row.fingerprint, "ends_at": row.not_after}
    record(EventKind.SSO_CERTIFICATE_REMOVED, actor=actor, target=row, account=connection.account, **facts)
    row.delete()


def locked_connection(actor: Actor) -> SsoConnection:
    """Return the account's connection, locked until the transaction ends.

    Whoever decides what a provider says decides who is Admin: that would outlast a raise.

    :raises NoConnection: if the account has none
    :raises RaisedOnly: if the actor is Admin for a while only
    """
    check_may_grant(actor)
    rows = SsoConnection.objects.of(actor.account).select_for_update()
    connection = rows.first()
    if connection is None:
        raise NoConnection("Choose your provider first.")
    connection.account = actor.account
    return connection


class NoConnection(DomainError):
    """The account has no connection to a provider."""

    code = "not_found"


@transaction.atomic
def add_certificate(*, actor: Actor, certificate: x509.Certificate, now: datetime) -> SsoCertificate:
    """Add the certificate that the provider signs with next; both count until one is removed.

    :raises CertificateRefused: if it ended, is there already, or there are two
    """
    actor.require(Permission.SSO_MANAGE)
    connection = locked_connection(actor)
    known = list(connection.certificates.all())
    if end_of(certificate) <= now:
        raise CertificateRefused("This certificate has ended.")
    if fingerprint_of(certificate) in {row.fingerprint for row in known}:
        raise CertificateRefused("This certificate is there already.")
    if connection.metadata_url:
        raise CertificateRefused("The certificates follow the metadata address.")
    if len(known) == len(PLACES):
        raise CertificateRefused("There are two certificates. Remove one first.")
    return _add(connection, certificate, actor=actor, now=now)


@transaction.atomic
def remove_certificate(*, actor: Actor, public_id: UUID, now: datetime) -> SsoConnection:
    """Trust the certificate no more, from the next sign-in on.

    :raises CertificateRefused: if single sign-on is on and no other certificate holds
    """
    actor.require(Permission.SSO_MANAGE)
    connection = locked_connection(actor)
    rows = list(connection.certificates.all())
    row = next((row for row in rows if row.public_id == public_id), None)
    if row is None:
        return connection
    is_last = not any(other.not_after > now for other in rows if other != row)
    if connection.is_on and is_last:
        raise CertificateRefused("Nobody could sign in without it. Add the next certificate first.")
    _remove(row, connection, actor)
    return connection


def warn_of_ends(*, now: datetime) -> int:
    """Record once at each mark that a certificate of a connection that is on ends, and return how many."""
    soon = SsoCertificate.objects.filter(
        connection__state=SsoConnection.State.ON, not_after__gt=now, not_after__lte=now + timedelta(days=60)
    )
    return sum(_warn(pk, now) for pk in soon.values_list("pk", flat=True))


@transaction.atomic
def _warn(pk: int, now: datetime) -> bool:
    rows = SsoCertificate.objects.select_for_update(of=("self",)).select_related("connection__account")
    row = rows.filter(pk=pk).first()
    mark = next((mark for mark in MARKS if row and row.not_after <= now + timedelta(days=mark)), None)
    if row is None or mark is None or (row.warned_days is not None and row.warned_days <= mark):
        return False
    row.warned_days = mark
    row.save(update_fields=["warned_days"])
    account = row.connection.account
    others = SsoCertificate.objects.filter(connection=row.connection, not_after__gt=row.not_after)
    facts: dict[str, Any] = {"days": mark, "ends_at": row.not_after, "has_next": others.exists()}
    record(EventKind.SSO_CERTIFICATE_ENDING, actor=Actor.system(account), target=row, **facts)
    return True
