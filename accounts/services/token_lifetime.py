"""Keep the policy of how long tokens may live, and warn before they end."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, Value

from accounts.models import Account, Credential
from accounts.queries.named_tokens import Preview, preview_lifetime
from accounts.services.named_tokens import lock_identity
from accounts.token_rules import LIFETIMES, WARN_DAYS, threshold
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission


class UnknownLifetime(DomainError):
    """The policy offers no such number of days."""

    code = "unknown_lifetime"
    field = "days"


@transaction.atomic
def set_token_lifetime(*, actor: Actor, days: int | None, now: datetime) -> Preview:
    """Let no token live longer than this, or as long as it likes; return what changed.

    Named tokens that would live longer get an earlier end, never one within the days of grace. The end that
    each maker asked for stays known, so a looser policy gives it back. Auth Tokens are warned about only.

    :raises UnknownLifetime: if the policy offers no such number
    """
    actor.require(Permission.SECURITY_MANAGE)
    if days is not None and days not in LIFETIMES:
        raise UnknownLifetime("Choose one of the lifetimes.")
    account = lock_identity(actor.account).account
    before = account.token_days
    if days == before:
        return Preview()
    found = preview_lifetime(account, days=days, now=now)
    Account.objects.filter(pk=account.pk).update(token_days=days)
    actor.account.token_days = days
    for token, end in (*found.sooner, *found.later):
        token.ends_at, token.warned_days = end, None
        token.save(update_fields=["ends_at", "warned_days"])
    _forget_warnings(account)
    facts: dict[str, Any] = {"before": before, "after": days, "capped": _listed(found.sooner)}
    facts |= {"given_back": _listed(found.later)}
    record(EventKind.TOKEN_LIFETIME_CHANGED, actor=actor, target=account, **facts)
    return found


def _forget_warnings(account: Account) -> None:
    """Warn about Auth Tokens by the new policy."""
    rows = Credential.objects.filter(identity__account=account, kind=Credential.Kind.PRIMARY, ended_at=None)
    rows.update(warned_days=None)


def _listed(changed: Iterable[tuple[Credential, datetime | None]]) -> list[dict[str, Any]]:
    return [
        {"id": str(token.public_id), "token": str(token), "name": token.name, "ends_at": end}
        for token, end in changed
    ]


def warn_of_ends(*, now: datetime, limit: int = 500) -> int:
    """Record, once for each of 14, 7 and 1 days, that a token is near its end; one transaction each."""
    return sum(_warn(pk, now=now) for pk in [*_named_due(now)[:limit], *_primary_due(now)[:limit]])


def _named_due(now: datetime) -> list[int]:
    found = Credential.objects.filter(kind=Credential.Kind.NAMED, ended_at=None, ends_at__gt=now)
    return _unwarned(found.filter(ends_at__lte=now + timedelta(days=max(WARN_DAYS))), now)


def _primary_due(now: datetime) -> list[int]:
    """Return the Auth Tokens without an end that are, or soon will be, older than their account wants."""
    days = F("identity__account__token_days") * Value(timedelta(days=1))
    old_at = ExpressionWrapper(F("made_at") + days, output_field=DateTimeField())
    found = Credential.objects.filter(kind=Credential.Kind.PRIMARY, ended_at=None, ends_at=None)
    found = found.filter(identity__account__token_days__gt=0)
    return _unwarned(found.alias(old_at=old_at).filter(old_at__lte=now + timedelta(days=max(WARN_DAYS))), now)


def _unwarned(found: Any, now: datetime) -> list[int]:
    rows = found.filter(Q(warned_days=None) | ~Q(warned_days=0)).select_related("identity__account")
    return [row.pk for row in rows.order_by("pk") if _due(row, now) is not None]


def _end(token: Credential) -> datetime | None:
    """Return when a named token ends, or when an Auth Token without an end should have been replaced."""
    if token.kind == Credential.Kind.NAMED:
        return token.ends_at
    days = token.identity.account.token_days
    return token.made_at + timedelta(days=days) if days and token.ends_at is None else None


def _due(token: Credential, now: datetime) -> int | None:
    """Return the threshold that was reached and not warned about; 0 for an Auth Token that is too old."""
    end = _end(token)
    is_over = end is not None and end <= now
    if end is None or (is_over and token.kind == Credential.Kind.NAMED):
        return None
    reached = 0 if is_over else threshold(end, now=now)
    is_new = reached is not None and (token.warned_days is None or reached < token.warned_days)
    return reached if is_new else None


@transaction.atomic
def _warn(pk: int, *, now: datetime) -> bool:
    rows = Credential.objects.select_for_update(of=("self",)).select_related("identity__account")
    token = rows.get(pk=pk)
    reached, end = _due(token, now), _end(token)
    if token.ended_at is not None or reached is None:
        return False
    token.warned_days = reached
    token.save(update_fields=["warned_days"])
    facts: dict[str, Any] = {"token": str(token), "name": token.name, "token_kind": token.kind}
    facts |= {"days": reached, "ends_at": end}
    record(EventKind.TOKEN_END_NEARING, actor=Actor.system(token.identity.account), target=token, **facts)
    return True
