"""Fetch a provider's metadata from its address, when somebody enters it and every day from then on."""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.outbound import Outbound
from console.core.outbound_rules import OutboundError, OutboundRefused
from console.core.permissions import Permission
from console.core.ratelimit import Limit, spend
from security.models import SsoConnection
from security.services.sso_certificates import CertificateRefused, newest_live, replace_certificates
from security.services.sso_setup import ProviderFacts
from security.sso.metadata import LARGEST_METADATA, MetadataRefused, read_metadata

EVERY = timedelta(hours=24)
_BATCH = 30
_OK = 200
_FETCHES = Limit("sso-metadata", 20, 3600)
_log = logging.getLogger("console.sso")


class MetadataUnread(DomainError):
    """No provider was found at the address, or in the text."""

    code = "metadata_unread"
    field = "url"


def fetch_facts(*, actor: Actor, url: str, client: Outbound, now: datetime) -> ProviderFacts:
    """Return what the metadata at an address says.

    :raises MetadataUnread: if the address may not be called, does not answer, or holds no provider
    """
    actor.require(Permission.SSO_MANAGE)
    spend(_FETCHES, str(actor.account.pk), now=now)
    return _fetch(url, client)


def read_facts(xml: bytes, *, field: str) -> ProviderFacts:
    """Return what metadata says that somebody sent.

    :raises MetadataUnread: if it describes no provider
    """
    try:
        return ProviderFacts.of(read_metadata(xml))
    except MetadataRefused as error:
        raise MetadataUnread(str(error), field=field) from error


def _fetch(url: str, client: Outbound) -> ProviderFacts:
    accepted = {"Accept": "application/samlmetadata+xml, application/xml, text/xml"}
    try:
        answer = client.send("GET", url, headers=accepted, limit=LARGEST_METADATA)
        if answer.status != _OK:
            raise MetadataUnread(f"The address answered {answer.status} instead of metadata.")
        return ProviderFacts.of(read_metadata(answer.body), url=url)
    except (MetadataRefused, OutboundRefused) as error:
        raise MetadataUnread(str(error)) from error
    except OutboundError as error:
        raise MetadataUnread("The address could not be reached.") from error


def refresh_due(*, now: datetime, client: Outbound) -> int:
    """Fetch the metadata of connections whose last look is a day old, and return how many were read."""
    rows = SsoConnection.unscoped.exclude(metadata_url="").filter(metadata_fetched_at__lte=now - EVERY)
    due = rows.order_by("metadata_fetched_at").values_list("pk", "metadata_url")[:_BATCH]
    return sum(_refresh(pk, url, client=client, now=now) for pk, url in due)


def _refresh(pk: int, url: str, *, client: Outbound, now: datetime) -> bool:
    facts, problem = None, ""
    try:
        facts = _fetch(url, client)
    except MetadataUnread as error:
        problem = str(error)
    with transaction.atomic():
        rows = SsoConnection.unscoped.select_for_update(of=("self",)).select_related("account")
        connection = rows.filter(pk=pk, metadata_url=url).first()
        if connection is None:
            return False
        problem = problem or _take(connection, facts, now)
        _note_outcome(connection, problem, now)
    return not problem


def _take(connection: SsoConnection, facts: ProviderFacts | None, now: datetime) -> str:
    """Follow what the metadata says, and return why not, or nothing."""
    if facts is None or facts.entity_id != connection.entity_id:
        return "The metadata names another provider now."
    actor = Actor.system(connection.account)
    try:
        certificates = newest_live(facts.certificates, now=now)
    except CertificateRefused as error:
        return str(error)
    replace_certificates(connection, certificates, actor=actor, now=now)
    before = {"sso_url": connection.sso_url, "slo_url": connection.slo_url}
    after = {"sso_url": facts.sso_url, "slo_url": facts.slo_url}
    connection.sso_url, connection.slo_url = facts.sso_url, facts.slo_url
    if before != after:
        record(EventKind.SSO_CONNECTION_CHANGED, actor=actor, target=connection, before=before, after=after)
    return ""


def _note_outcome(connection: SsoConnection, problem: str, now: datetime) -> None:
    """Keep what came of the look; the first failure of a row of them is an event."""
    is_first = bool(problem) and connection.metadata_failing_since is None
    connection.metadata_fetched_at, connection.metadata_error = now, problem[:300]
    connection.metadata_failing_since = (connection.metadata_failing_since or now) if problem else None
    connection.save()
    if is_first:
        _log.warning("metadata of connection %s not read", connection.public_id)
        actor = Actor.system(connection.account)
        record(EventKind.SSO_METADATA_FAILING, actor=actor, target=connection, reason=problem)
