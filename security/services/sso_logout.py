"""End sessions in both directions: ours when the provider asks, and the provider's when a person signs out."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.models import Session
from console.core import crypto
from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.ratelimit import Limit, spend
from console.core.requests import Origin
from security import sso_queries
from security.models import SsoAssertion, SsoConnection, SsoLink, SsoRequest, SsoSession
from security.services.sso_errors import SsoRefused
from security.services.sso_sign_in import certificates_of, sender_of
from security.sso import addresses, client
from security.sso.logout import LogoutExpected, LogoutMessage, read_logout
from security.sso.messages import MessageRefused

_LIVES, _KEPT = timedelta(minutes=10), timedelta(minutes=15)
_MESSAGES = Limit("sso-logout", 600, 300)
_log = logging.getLogger("console.sso")


@dataclass(frozen=True, slots=True)
class Farewell:
    """A provider whose own session goes on: its name, and the address that ends it."""

    name: str
    url: str


@transaction.atomic
def begin_logout(*, session_id: UUID, now: datetime) -> Farewell | None:
    """Return where the person ends the provider's session too, or None when there is no such place."""
    rows = SsoSession.objects.select_related("link__connection__account", "link__user")
    found = rows.filter(session_id=session_id).first()
    if found is None or not found.link.connection.slo_url or not found.link.connection.is_on:
        return None
    link, connection = found.link, found.link.connection
    request_id = client.new_id()
    SsoRequest.objects.create(
        connection=connection,
        request_id=request_id,
        purpose=SsoRequest.Purpose.LOGOUT,
        browser=crypto.token_digest(request_id),
        user=link.user,
        made_at=now,
        expires_at=now + _LIVES,
    )
    url = client.ask_logout(
        sender=sender_of(connection),
        request_id=request_id,
        slo_url=connection.slo_url,
        subject=client.Subject(
            link.name_id, link.name_id_format, [found.session_index] if found.session_index else []
        ),
        now=now,
    )
    return Farewell(connection.name, url)


def take_logout(*, connection_id: UUID, query: str, origin: Origin, now: datetime) -> str:
    """Carry out a provider's logout message, and return where it wants the browser back, or nothing.

    :raises SsoRefused: with the reason, if the message is not one to us, now, from this provider
    :raises TooManyRequests: above what one network may do
    """
    spend(_MESSAGES, f"{connection_id}:{origin.ip}", now=now)
    connection = sso_queries.find_connection(connection_id)
    if connection is None or not connection.is_on:
        raise SsoRefused("off", "no such connection is on")
    expected = LogoutExpected(
        addresses.slo_url(connection.public_id), connection.entity_id, certificates_of(connection)
    )
    try:
        message = read_logout(query, expected=expected, now=now)
    except MessageRefused as error:
        facts = {"connection": str(connection.public_id), "refusal": "logout", "reason": error.reason}
        _log.warning("sso refused", extra=facts)
        raise SsoRefused("logout", error.reason) from error
    if message.answers:
        _close_request(connection, message, now)
        return ""
    end_by_provider(connection=connection, message=message, now=now)
    if not connection.slo_url:
        return ""
    return client.answer_logout(
        sender=sender_of(connection),
        slo_url=connection.slo_url,
        in_response_to=message.message_id,
        relay_state=message.relay_state,
        now=now,
    )


@transaction.atomic
def _close_request(connection: SsoConnection, message: LogoutMessage, now: datetime) -> None:
    rows = SsoRequest.objects.select_for_update().filter(
        connection=connection, purpose=SsoRequest.Purpose.LOGOUT, request_id=message.answers, used_at=None
    )
    request = rows.first()
    if request is None:
        raise SsoRefused("logout", "it answers no request of ours")
    request.used_at = now
    request.save(update_fields=["used_at"])


@transaction.atomic
def end_by_provider(*, connection: SsoConnection, message: LogoutMessage, now: datetime) -> int:
    """End the sessions that rest on the provider's word about the person, and return how many.

    :raises SsoRefused: if the message was carried out before
    """
    _take_once(connection, message, now)
    link = (
        SsoLink.objects.select_related("user").filter(connection=connection, name_id=message.name_id).first()
    )
    if link is None:
        return 0
    resting = SsoSession.objects.filter(link=link)
    if message.session_indexes:
        resting = resting.filter(session_index__in=message.session_indexes)
    ids = list(resting.values_list("session_id", flat=True))
    count = Session.objects.filter(public_id__in=ids, user=link.user).delete()[0]
    SsoSession.objects.filter(session_id__in=ids).delete()
    if count:
        actor = Actor.system(connection.account)
        record(EventKind.SSO_LOGGED_OUT, actor=actor, target=link, account=connection.account, count=count)
    return count


def _take_once(connection: SsoConnection, message: LogoutMessage, now: datetime) -> None:
    digest = crypto.token_digest(f"logout:{message.message_id}")
    try:
        with transaction.atomic():
            SsoAssertion.objects.create(
                connection=connection, digest=digest, seen_at=now, expires_at=now + _KEPT
            )
    except IntegrityError as error:
        raise SsoRefused("logout", "the message was carried out before") from error
