"""Claim email domains, and prove by DNS that they are the account's."""

import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import dns.exception
import dns.resolver
from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.email_rules import EmailRefused, check_work_email
from accounts.models import Account
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from console.core.ratelimit import Limit, spend
from security.models import SsoConnection, SsoDomain

WATCHED = timedelta(hours=72)
EVERY = timedelta(minutes=10)
_BATCH = 30
_SECONDS = 3.0
_ADDITIONS = Limit("sso-domain-add", 30, 3600)
_CHECKS = Limit("sso-domain-check", 30, 3600)
NOTHING = "No such record yet. DNS can take an hour."
OTHER = "The record is there with another value."
SILENCE = "The name servers of the domain did not answer."
TAKEN = "Another account has proved this domain. Write to support."


class DomainRefused(DomainError):
    """The domain cannot be claimed, or not be given up."""

    code = "domain_refused"
    field = "domain"


def record_name(domain: str) -> str:
    """Return where the record must be."""
    return f"_patchbay-challenge.{domain}"


def record_value(row: SsoDomain) -> str:
    """Return what the record must say."""
    return f"patchbay-domain={row.challenge}"


def add_domain(*, actor: Actor, domain: str, now: datetime) -> SsoDomain:
    """Claim a domain; it counts for nothing until it is proved.

    :raises DomainRefused: if it is no company's domain, or the account has its most
    """
    actor.require(Permission.SSO_MANAGE)
    name = _company_domain(domain)
    spend(_ADDITIONS, str(actor.account.pk), now=now)
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)
        rows = SsoDomain.objects.of(actor.account)
        known = rows.filter(domain=name).first()
        if known is not None:
            return known
        if rows.count() >= settings.CONSOLE_SSO_DOMAINS:
            raise DomainRefused(f"The account has {settings.CONSOLE_SSO_DOMAINS} domains, as many as it can.")
        row = SsoDomain.objects.create(
            account=actor.account, domain=name, challenge=secrets.token_hex(16), added_by=actor.user,
            added_at=now, watched_until=now + WATCHED,
        )  # fmt: skip
        record(EventKind.SSO_DOMAIN_ADDED, actor=actor, target=row)
    return row


def _company_domain(text: str) -> str:
    """Return the domain as lower-case A-label.

    :raises DomainRefused: if it is none, or one whose addresses belong to anybody
    """
    name = text.strip().removeprefix("@").removesuffix(".").lower()
    try:
        # The provider's own lists are about who may sign up; here only what the domain is counts.
        return check_work_email(f"x@{name}", allow=(), block=(), check_deliverability=False).domain
    except EmailRefused as error:
        if error.code in {"free", "disposable", "lookalike"}:
            message = f"{name} gives addresses to anybody, so no account can claim it."
            raise DomainRefused(message) from error
        raise DomainRefused("Enter a domain of your company, like company.com.") from error


def check_domain(*, actor: Actor, public_id: UUID, now: datetime, resolver: Any = None) -> SsoDomain:
    """Look for the record now.

    :raises DomainRefused: if the account claims no such domain
    """
    actor.require(Permission.SSO_MANAGE)
    row = SsoDomain.objects.of(actor.account).filter(public_id=public_id).first()
    if row is None:
        raise DomainRefused("There is no such domain.", code="not_found")
    if row.is_verified:
        return row
    spend(_CHECKS, str(actor.account.pk), now=now)
    return _look(row, actor=actor, now=now, resolver=resolver, watches_on=True)


def check_waiting(*, now: datetime, resolver: Any = None) -> int:
    """Look for the records of domains that were claimed lately, and return how many were found."""
    waiting = SsoDomain.unscoped.filter(verified_at=None, watched_until__gt=now)
    due = waiting.exclude(checked_at__gt=now - EVERY).select_related("account").order_by("checked_at", "id")
    looked = [_look(row, actor=Actor.system(row.account), now=now, resolver=resolver) for row in due[:_BATCH]]
    return sum(row.is_verified for row in looked)


def _look(
    row: SsoDomain, *, actor: Actor, now: datetime, resolver: Any, watches_on: bool = False
) -> SsoDomain:
    problem = _problem(row, resolver)
    with transaction.atomic():
        fresh = (
            SsoDomain.unscoped.select_for_update(of=("self",))
            .select_related("account")
            .filter(pk=row.pk)
            .first()
        )
        if fresh is None or fresh.is_verified:
            return fresh or row
        fresh.checked_at, fresh.last_error = now, problem
        if watches_on:
            fresh.watched_until = now + WATCHED
        if not problem:
            _verify(fresh, actor, now)
        fresh.save()
    return fresh


def _verify(row: SsoDomain, actor: Actor, now: datetime) -> None:
    """Note that the domain is the account's, unless it is another's already."""
    try:
        with transaction.atomic():
            row.verified_at = now
            row.save(update_fields=["verified_at"])
            record(EventKind.SSO_DOMAIN_VERIFIED, actor=actor, target=row)
    except IntegrityError:
        row.verified_at, row.last_error = None, TAKEN


def _problem(row: SsoDomain, resolver: Any) -> str:
    """Ask DNS, and return why the domain is not proved, or nothing."""
    name = record_name(row.domain)
    try:
        resolver = resolver or dns.resolver.Resolver()
        answer = resolver.resolve(name, "TXT", lifetime=_SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return NOTHING
    except (dns.exception.DNSException, OSError):
        return SILENCE
    values = {b"".join(one.strings).decode("ascii", "replace").strip() for one in answer}
    return "" if record_value(row) in values else OTHER


@transaction.atomic
def remove_domain(*, actor: Actor, public_id: UUID) -> None:
    """Give a domain up: its people sign in with their passwords from then on.

    :raises DomainRefused: if single sign-on is on and this is the last domain that is proved
    """
    actor.require(Permission.SSO_MANAGE)
    Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)
    rows = SsoDomain.objects.of(actor.account)
    row = rows.filter(public_id=public_id).first()
    if row is None:
        return
    others = rows.exclude(pk=row.pk).exclude(verified_at=None)
    is_on = SsoConnection.objects.of(actor.account).filter(state=SsoConnection.State.ON).exists()
    if row.is_verified and is_on and not others.exists():
        raise DomainRefused("It is the last domain of single sign-on. Turn that off first.")
    record(EventKind.SSO_DOMAIN_REMOVED, actor=actor, target=row)
    row.delete()
