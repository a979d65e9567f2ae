"""Make, rotate and revoke the tokens that an account's directory comes with."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.models import Account
from accounts.services.lockdown import refuse_held
from console.core import crypto
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from console.core.ratelimit import Limit, spend
from console.core.requests import Origin
from security.models import ScimToken
from security.scim_queries import find_caller, live_tokens, token_prefix
from teams.services.members import check_may_grant

_MADE = Limit("scim-token", 20, 3600)
_SHOWN = 6
_NOTE_EVERY = timedelta(minutes=1)


class NoSuchScimToken(DomainError):
    """The account has no such live token."""

    code = "not_found"


@dataclass(frozen=True, slots=True)
class MadeScimToken:
    """A new token. ``token`` is the secret: it is there once, and empty when the same form came again."""

    row: ScimToken
    token: str
    old: ScimToken | None = None


@dataclass(frozen=True, slots=True)
class ScimCaller:
    """A directory that calls: its token, and the actor that it is in the account."""

    token: ScimToken
    actor: Actor


def make_scim_token(*, actor: Actor, keeps_old: bool, now: datetime, form_id: UUID) -> MadeScimToken:
    """Make a token; the one before stops, or lives on for a day.

    ``form_id`` names the form that was sent: however often it comes, it makes one token.

    :raises RaisedOnly: if the actor is Admin for a while only
    :raises TokensHeld: while the account is locked down
    :raises TooManyRequests: above the tokens of an hour
    """
    actor.require(Permission.SSO_MANAGE)
    check_may_grant(actor)
    spend(_MADE, str(actor.account.pk), now=now)
    with transaction.atomic():
        account = Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)
        refuse_held(account)
        public_id = uuid.uuid5(form_id, account.auth_id)
        if made := ScimToken.objects.of(account).filter(public_id=public_id).first():
            return MadeScimToken(made, "")
        old = _retire(account, actor, now, keeps_old=keeps_old)
        row, token = _create(account, public_id, actor, now)
        facts: dict[str, Any] = {"token": str(row), "old": str(old) if old else ""}
        facts["old_ends_at"] = old.ends_at if old else None
        record(EventKind.SCIM_TOKEN_MADE, actor=actor, target=row, **facts)
    return MadeScimToken(row, token, old)


def _retire(account: Account, actor: Actor, now: datetime, *, keeps_old: bool) -> ScimToken | None:
    """Stop the live tokens but, when it is kept, the newest, and return that one."""
    tokens = live_tokens(account, now=now)
    kept = tokens[0] if tokens and keeps_old else None
    for token in tokens:
        if token == kept:
            token.ends_at = now + timedelta(hours=settings.CONSOLE_SCIM_OVERLAP_HOURS)
            token.save(update_fields=["ends_at"])
        else:
            _end(token, actor, now)
    return kept


def _end(token: ScimToken, actor: Actor, now: datetime) -> None:
    token.ended_at = max(now, token.made_at)
    token.save(update_fields=["ended_at"])
    record(EventKind.SCIM_TOKEN_REVOKED, actor=actor, target=token, account=token.account, token=str(token))


def _create(account: Account, public_id: UUID, actor: Actor, now: datetime) -> tuple[ScimToken, str]:
    prefix = token_prefix()
    token = crypto.make_token(prefix)
    row = ScimToken.objects.create(
        account=account,
        public_id=public_id,
        prefix=token[: len(prefix) + 1 + _SHOWN],
        last_four=token[-4:],
        digest=crypto.token_digest(token),
        made_by=actor.user,
        made_at=now,
    )
    return row, token


@transaction.atomic
def revoke_scim_token(*, actor: Actor, public_id: UUID, now: datetime) -> ScimToken:
    """Stop a token at once; one that has ended already stays as it is.

    :raises NoSuchScimToken: if the account has none of that id
    """
    actor.require(Permission.SSO_MANAGE)
    rows = ScimToken.objects.of(actor.account).select_for_update(of=("self",))
    token = rows.filter(public_id=public_id).first()
    if token is None:
        raise NoSuchScimToken("There is no such token.")
    if token.is_live(now):
        _end(token, actor, now)
    return token


def revoke_all(account: Account, actor: Actor, now: datetime) -> int:
    """Stop every token for provisioning. A step of the lock-down."""
    tokens = live_tokens(account, now=now)
    for token in tokens:
        _end(token, actor, now)
    return len(tokens)


def admit_directory(*, token: str, origin: Origin, now: datetime) -> ScimCaller | None:
    """Return who calls with the token, and note its use once a minute; None whatever is wrong with it."""
    found = find_caller(token, now=now)
    if found is None:
        return None
    if found.last_used_at is None or now - found.last_used_at >= _NOTE_EVERY:
        used: dict[str, Any] = {"last_used_at": now, "last_used_ip": origin.ip}
        ScimToken.unscoped.filter(pk=found.pk).update(**used)
    rights = frozenset({Permission.TEAM_MANAGE})
    return ScimCaller(found, Actor(account=found.account, rights=rights, kind="scim", origin=origin))
