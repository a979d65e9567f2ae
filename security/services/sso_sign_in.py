"""Ask a provider who somebody is, and take its answer once, in the browser that asked."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography import x509
from django.db import IntegrityError, transaction

from accounts.models import User
from console.core import crypto
from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.ratelimit import Limit, spend
from console.core.requests import Origin
from security import sso_queries
from security.models import SsoAssertion, SsoConnection, SsoLink, SsoRequest
from security.services import sso_identity, sso_report
from security.services.sso_errors import SsoRefused
from security.services.sso_tests import store_test
from security.sso import addresses, client
from security.sso.assertion import LEEWAY, Assertion, Expected, Posted, open_posted, read_posted
from security.sso.messages import MessageRefused

Purpose = SsoRequest.Purpose
LIVES = timedelta(minutes=10)
_STARTS = Limit("sso-start", 600, 300)
_ANSWERS = Limit("sso-answer", 600, 300)
_log = logging.getLogger("console.sso")


@dataclass(frozen=True, slots=True)
class Taken:
    """An answer that was taken: what it was for, and the secret that its browser keeps, if that is a new one."""

    request: SsoRequest
    browser: str = ""


def start(
    *,
    connection: SsoConnection,
    purpose: str,
    user: User | None,
    next_path: str,
    browser: str,
    origin: Origin,
    now: datetime,
) -> str:
    """Return the address at the provider to send the browser to; ``browser`` is the secret that it keeps.

    :raises SsoRefused: if the connection cannot be used for this now
    :raises TooManyRequests: above what one network may do
    """
    spend(_STARTS, f"{connection.pk}:{origin.ip}", now=now)
    _check_usable(connection, purpose)
    request_id = client.new_id()
    with transaction.atomic():
        SsoRequest.objects.create(
            connection=connection,
            request_id=request_id,
            purpose=purpose,
            browser=crypto.token_digest(browser),
            user=user,
            next_path=next_path[:1000],
            made_at=now,
            expires_at=now + LIVES,
        )
    return client.ask_who(
        sender=sender_of(connection),
        request_id=request_id,
        sso_url=connection.sso_url,
        acs_url=addresses.acs_url(connection.public_id),
        is_forced=purpose == Purpose.STEP_UP,
        now=now,
    )


def sender_of(connection: SsoConnection) -> client.Sender:
    """Return our side of the connection."""
    return client.Sender(addresses.entity_id(connection.public_id), connection.key())


def certificates_of(connection: SsoConnection) -> list[x509.Certificate]:
    """Return the certificates whose keys the provider may sign with."""
    rows = connection.certificates.order_by("place").values_list("pem", flat=True)
    return [x509.load_pem_x509_certificate(pem.encode()) for pem in rows]


def _check_usable(connection: SsoConnection, purpose: str) -> None:
    if not (connection.is_complete if purpose == Purpose.TEST else connection.is_on):
        raise SsoRefused("off", "single sign-on is not on")


def take_answer(*, connection_id: UUID, message: str, browser: str, origin: Origin, now: datetime) -> Taken:
    """Take a provider's posted answer, and keep what it leads to until the browser comes for it.

    :raises SsoRefused: with the reason, if it is not one to us, now, from this provider, for this browser
    :raises TooManyRequests: above what one network may do
    """
    spend(_ANSWERS, f"{connection_id}:{origin.ip}", now=now)
    connection = sso_queries.find_connection(connection_id)
    if connection is None:
        raise SsoRefused("off", "no such connection")
    try:
        return _take(connection, open_posted(message), browser, origin, now)
    except MessageRefused as error:
        refusal = SsoRefused("message", error.reason)
        _note_refusal(connection, refusal, origin)
        raise refusal from error
    except SsoRefused as refusal:
        _note_refusal(connection, refusal, origin)
        raise


def _note_refusal(connection: SsoConnection, refusal: SsoRefused, origin: Origin) -> None:
    facts = {"connection": str(connection.public_id), "refusal": refusal.code, "reason": refusal.reason}
    _log.warning("sso refused", extra=facts)
    with transaction.atomic():
        actor = Actor(kind="visitor", account=connection.account, origin=origin)
        record(EventKind.SSO_REFUSED, actor=actor, target=connection, reason=refusal.reason)


def _take(connection: SsoConnection, posted: Posted, browser: str, origin: Origin, now: datetime) -> Taken:
    if not posted.request_id:
        return _take_unasked(connection, posted, origin, now)
    digest = crypto.token_digest(browser)
    with transaction.atomic():
        rows = SsoRequest.objects.select_for_update(of=("self",)).select_related("user")
        request = rows.filter(connection=connection, request_id=posted.request_id).first()
        if request is None or not crypto.same(bytes(request.browser), digest):
            raise SsoRefused("stale", "no request of this browser is answered")
        if request.used_at is not None or request.expires_at <= now:
            raise SsoRefused("stale", "the request was answered before, or too long ago")
        _check_usable(connection, request.purpose)
        if request.purpose == Purpose.TEST:
            return _take_test(connection, posted, request, origin, now)
        assertion = _read_once(connection, posted, request.request_id, now)
        request.answer = _judge(connection, request, assertion, origin, now)
        request.used_at = now
        request.save(update_fields=["answer", "used_at"])
        return Taken(request)


def _take_unasked(connection: SsoConnection, posted: Posted, origin: Origin, now: datetime) -> Taken:
    """Take an answer that nobody asked for; a person must then press a button."""
    if not connection.is_on or not connection.allows_idp_initiated:
        raise SsoRefused("unasked", "sign-ins that the provider begins are switched off")
    browser = client.new_id()
    with transaction.atomic():
        assertion = _read_once(connection, posted, "", now)
        request = SsoRequest(connection=connection, request_id=client.new_id(), purpose=Purpose.SIGN_IN)
        request.browser = crypto.token_digest(browser)
        request.made_at = request.used_at = now
        request.expires_at = now + LIVES
        request.answer = _judge(connection, request, assertion, origin, now) | {"asks": True}
        request.save()
    return Taken(request, browser)


def _read_once(connection: SsoConnection, posted: Posted, request_id: str, now: datetime) -> Assertion:
    expected = Expected(
        acs_url=addresses.acs_url(connection.public_id),
        entity_id=addresses.entity_id(connection.public_id),
        issuer=connection.entity_id,
        certificates=certificates_of(connection),
        request_id=request_id,
        keys_pem=[connection.key()],
    )
    assertion = read_posted(posted, expected=expected, now=now)
    row = SsoAssertion(connection=connection, digest=crypto.token_digest(assertion.assertion_id))
    row.seen_at, row.expires_at = now, assertion.ends_at + LEEWAY
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise SsoRefused("replayed", "the assertion was taken before") from error
    return assertion


def _judge(
    connection: SsoConnection, request: SsoRequest, assertion: Assertion, origin: Origin, now: datetime
) -> dict[str, Any]:
    """Return what the answer leads to.

    :raises SsoRefused: if the provider may not speak for the person, or speaks of somebody else than who asked
    """
    profile = sso_identity.read_profile(connection, assertion)
    if request.purpose == Purpose.STEP_UP:
        link = _same_person(connection, request, assertion)
        if assertion.authn_at is None or assertion.authn_at < request.made_at - LEEWAY:
            raise SsoRefused("not-fresh", "the provider did not ask the person again")
    else:
        link = sso_identity.admit(
            connection=connection, assertion=assertion, profile=profile, origin=origin, now=now
        )
        if request.user_id not in {None, link.user_id}:
            raise SsoRefused("other-person", "the provider names somebody else than who asked")
    ends_at = assertion.session_ends_at
    return {
        "link": link.pk,
        "user": link.user_id,
        "is_two_factor": sso_report.proves_both(connection, assertion, now=now),
        "session_index": assertion.session_index,
        "ends_at": ends_at.isoformat() if ends_at else "",
    }


def _same_person(connection: SsoConnection, request: SsoRequest, assertion: Assertion) -> SsoLink:
    link = SsoLink.objects.filter(connection=connection, name_id=assertion.name_id).first()
    if link is None or link.user_id != request.user_id:
        raise SsoRefused("other-person", "the provider names somebody else than who asked")
    return link


def _take_test(
    connection: SsoConnection, posted: Posted, request: SsoRequest, origin: Origin, now: datetime
) -> Taken:
    """Keep the report of a test, good or not; a good one links whoever tested."""
    request.used_at = now
    report: dict[str, Any]
    try:
        # A savepoint: what a refused message wrote is forgotten, its report is kept.
        with transaction.atomic():
            assertion = _read_once(connection, posted, request.request_id, now)
    except (MessageRefused, SsoRefused) as error:
        report, is_good = sso_report.of_refusal(error.reason), False
    else:
        report, is_good = sso_report.of_assertion(connection, assertion, tester=request.user, now=now)
        if is_good and request.user is not None:
            _link_tester(connection, request.user, assertion, origin, now)
    test = store_test(asked=request, report=report, is_good=is_good, now=now)
    request.answer = {"test": str(test.public_id)}
    request.save(update_fields=["answer", "used_at"])
    return Taken(request)


def _link_tester(
    connection: SsoConnection, user: User, assertion: Assertion, origin: Origin, now: datetime
) -> None:
    known = SsoLink.objects.filter(connection=connection)
    if not known.filter(name_id=assertion.name_id).exists() and not known.filter(user=user).exists():
        sso_identity.link_person(
            connection=connection, user=user, assertion=assertion, origin=origin, now=now
        )
