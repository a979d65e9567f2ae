"""Make, revoke and end Auth Tokens."""

import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts.models import Account, ApiIdentity, Credential, User
from accounts.queries.credentials import find_token, holder_of
from accounts.rotation_rules import set_end
from accounts.services.lockdown import refuse_held
from console.core import crypto
from console.core.access import Actor
from console.core.errors import DomainError, TooManyRequests
from console.core.events import EventKind, record
from console.core.permissions import Permission
from console.core.ratelimit import Limit, spend
from console.core.requests import Origin

LIVE_AT_MOST = 2
SHOWN_CHARACTERS = 6
_EXPOSED = Limit("credential-exposed", 1, 3600)
KEEP_FOR = MappingProxyType(
    {
        "now": timedelta(0),
        "1h": timedelta(hours=1),
        "24h": timedelta(hours=24),
        "3d": timedelta(days=3),
        "7d": timedelta(days=7),
        "never": None,
    }
)


class TooManyTokens(DomainError):
    """Two Auth Tokens are live, and a third one has no place."""

    code = "too_many_tokens"
    field = "revoke"


class NoSuchToken(DomainError):
    """The account has no such token."""

    code = "not_found"


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A new Auth Token. ``token`` is the secret: it is there once, and empty when the same form came again."""

    credential: Credential
    token: str
    old: tuple[Credential, ...] = ()


def generate_token(
    *,
    actor: Actor,
    revoke: str,
    now: datetime,
    form_id: UUID | None = None,
    identity: ApiIdentity | None = None,
) -> MadeToken:
    """Make an Auth Token, and stop the old one as ``revoke`` says (a key of KEEP_FOR).

    ``identity`` is who calls with it: a subaccount of the account, or else the account itself. ``form_id`` names
    the form that was sent: however often it comes, it makes one token.

    :raises TooManyTokens: if two tokens are live and both were to be kept
    :raises TokensHeld: while the account is locked down
    """
    actor.require(Permission.CREDENTIAL_MANAGE)
    with transaction.atomic():
        identity = lock_holder(actor.account, identity)
        refuse_held(identity.account)
        public_id = uuid.uuid5(form_id, identity.auth_id) if form_id else uuid.uuid4()
        made = Credential.objects.filter(public_id=public_id).first()
        if made is not None:
            return MadeToken(made, "")
        live = _end_due(identity, now=now)
        kept = _retire(live, actor=actor, revoke=revoke, now=now)
        credential, token = make_primary(identity, public_id, kept, made_by=actor.user, now=now)
        facts: dict[str, Any] = {
            "token": str(credential),
            "choice": revoke,
            "kept": [{"token": str(row), "ends_at": row.ends_at} for row in kept],
            "stopped": [str(row) for row in live if row not in kept],
        }
        record(EventKind.CREDENTIAL_MADE, actor=actor, target=credential, **facts)
        return MadeToken(credential, token, tuple(live))


def lock_holder(account: Account, identity: ApiIdentity | None) -> ApiIdentity:
    """Lock and return whose tokens are meant: an identity of the account, or else the account's own."""
    rows = ApiIdentity.objects.select_for_update().filter(holder_of(identity), account=account)
    return rows.get()


def _end_due(identity: ApiIdentity, *, now: datetime) -> list[Credential]:
    """End what is due, and return the primary tokens that are live, oldest first."""
    rows = identity.credentials.filter(kind=Credential.Kind.PRIMARY, ended_at=None).order_by("made_at", "id")
    live = []
    for credential in rows:
        if credential.is_live(now):
            live.append(credential)
        else:
            _end(credential, identity.account)
    return live


def _end(credential: Credential, account: Account) -> None:
    """Write down that the token ended when it was due."""
    credential.ended_at = credential.ends_at
    credential.save(update_fields=["ended_at"])
    is_named = credential.kind == Credential.Kind.NAMED
    kind = EventKind.NAMED_TOKEN_ENDED if is_named else EventKind.CREDENTIAL_ENDED
    facts: dict[str, Any] = {"name": credential.name, "reason": ""} if is_named else {}
    record(kind, actor=Actor.system(account), target=credential, token=str(credential), **facts)


def _retire(live: list[Credential], *, actor: Actor, revoke: str, now: datetime) -> list[Credential]:
    """Revoke the live tokens, or give the one that is kept its end; return those that stay."""
    keep_for = KEEP_FOR[revoke]
    if revoke == "now":
        for credential in live:
            _revoke(credential, actor=actor, now=now, replaced=True)
        return []
    if len(live) >= LIVE_AT_MOST:
        raise TooManyTokens(
            f"Two Auth Tokens are live. Revoke {live[0]}, the older one, first, or stop both now."
        )
    for credential in live:
        ends = [end for end in (credential.ends_at, now + keep_for if keep_for else None) if end]
        set_end(credential, min(ends, default=None), now=now)
        credential.save(update_fields=["ends_at", "warned_day_before", "warned_hour_before"])
    return live


def make_primary(
    identity: ApiIdentity, public_id: UUID, kept: list[Credential], *, made_by: User | None, now: datetime
) -> tuple[Credential, str]:
    """Make a primary token in the place that the kept ones leave; the caller has locked the identity."""
    token = crypto.make_token(settings.CONSOLE_TOKEN_PREFIX)
    credential = Credential.objects.create(
        public_id=public_id,
        identity=identity,
        slot=min({1, 2} - {row.slot for row in kept}),
        prefix=token[: len(settings.CONSOLE_TOKEN_PREFIX) + 1 + SHOWN_CHARACTERS],
        last_four=token[-4:],
        digest=crypto.token_digest(token),
        made_by=made_by,
        made_at=now,
    )
    return credential, token


def revoke_token(
    *, actor: Actor, public_id: UUID, now: datetime, identity: ApiIdentity | None = None
) -> Credential:
    """Stop a token at once; one that has ended already stays as it is.

    :raises NoSuchToken: if the identity, or else the account itself, has none of that name
    """
    actor.require(Permission.CREDENTIAL_MANAGE)
    with transaction.atomic():
        locked = lock_holder(actor.account, identity)
        credential = find_token(locked.account, public_id, identity)
        if credential is None:
            raise NoSuchToken("There is no such token.")
        if credential.is_live(now):
            _revoke(credential, actor=actor, now=now, replaced=False)
        return credential


def _revoke(credential: Credential, *, actor: Actor, now: datetime, replaced: bool) -> None:
    credential.ended_at = max(now, credential.made_at)
    credential.save(update_fields=["ended_at"])
    kind = EventKind.CREDENTIAL_REVOKED
    record(kind, actor=actor, target=credential, token=str(credential), replaced=replaced)


def note_exposure(*, credential_id: int, origin: Origin, now: datetime) -> None:
    """Write down, at most once an hour, that a token crossed the network without encryption."""
    with suppress(TooManyRequests), transaction.atomic():
        spend(_EXPOSED, str(credential_id), now=now)
        credential = Credential.objects.select_related("identity__account").get(pk=credential_id)
        actor = Actor(account=credential.identity.account, kind="api", origin=origin)
        record(EventKind.CREDENTIAL_EXPOSED, actor=actor, target=credential, token=str(credential))


def end_due_tokens(*, now: datetime, limit: int = 500) -> int:
    """Write down the end of tokens whose time is over, one transaction for each identity."""
    due = Credential.objects.filter(Q(ends_at__lte=now), ended_at=None).order_by("ends_at")[:limit]
    return sum(_end_due_of(pk, now=now) for pk in _unique(row.identity_id for row in due))


def _unique(ids: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(ids))


@transaction.atomic
def _end_due_of(identity_id: int, *, now: datetime) -> int:
    identity = ApiIdentity.objects.select_for_update().select_related("account").get(pk=identity_id)
    due = identity.credentials.filter(ends_at__lte=now, ended_at=None)
    for credential in due:
        _end(credential, identity.account)
    return len(due)
