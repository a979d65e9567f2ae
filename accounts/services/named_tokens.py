"""Make, change, revoke and end named tokens."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts.models import Account, ApiIdentity, Credential
from accounts.queries.named_tokens import find_named, tokens_of_leavers
from accounts.services.credentials import SHOWN_CHARACTERS, MadeToken, NoSuchToken
from accounts.services.lockdown import refuse_held
from accounts.token_rules import read_networks, threshold
from console.core import crypto
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission, grantable
from console.core.ratelimit import Limit, spend

_MADE = Limit("named-token", 60, 3600)


class TooManyNamedTokens(DomainError):
    """As many named tokens are live as an account may have."""

    code = "too_many_tokens"


class LivesTooLong(DomainError):
    """The token would outlive what the account allows."""

    code = "lives_too_long"
    field = "ends"


class PermissionRefused(DomainError):
    """The token asks for nothing, or for more than its maker may do."""

    code = "permission_refused"
    field = "permissions"


def make_named_token(
    *,
    actor: Actor,
    name: str,
    permissions: Collection[str],
    cidrs: Sequence[str],
    ends_at: datetime | None,
    now: datetime,
    form_id: UUID | None = None,
) -> MadeToken:
    """Make a token that may do what it is given, from where it is said, until its end.

    ``form_id`` names the form that was sent: however often it comes, it makes one token.

    :raises PermissionRefused: if the maker's role does not hold what the token asks for
    :raises NetworkRefused: if an entry of the list is no network
    :raises LivesTooLong: if the account's policy allows no such end
    :raises TooManyNamedTokens: if the account has as many as it may
    :raises TokensHeld: while the account is locked down
    """
    actor.require(Permission.CREDENTIAL_OWN)
    networks = read_networks(cidrs)
    if not permissions or not set(permissions) <= set(grantable(actor.rights)):
        raise PermissionRefused("Choose at least one permission that your role has.")
    spend(_MADE, str(actor.account.pk), now=now)
    with transaction.atomic():
        identity = lock_identity(actor.account)
        refuse_held(identity.account)
        public_id = uuid.uuid5(form_id, identity.auth_id) if form_id else uuid.uuid4()
        if made := Credential.objects.filter(public_id=public_id).first():
            return MadeToken(made, "")
        _refuse_full(identity, now)
        _refuse_late(identity.account, ends_at, now)
        facts: dict[str, Any] = {"name": name, "permissions": sorted(permissions), "cidrs": networks or None}
        credential, token = _create(identity, public_id, actor, ends_at, now, facts)
        facts |= {"token": str(credential), "ends_at": ends_at}
        record(EventKind.NAMED_TOKEN_MADE, actor=actor, target=credential, **facts)
    return MadeToken(credential, token)


def lock_identity(account: Account) -> ApiIdentity:
    """Return the account's identity, which every change of its tokens locks."""
    rows = ApiIdentity.objects.select_for_update(of=("self",)).select_related("account")
    return rows.get(account=account, kind=ApiIdentity.Kind.ACCOUNT)


def _refuse_full(identity: ApiIdentity, now: datetime) -> None:
    live = Q(ends_at=None) | Q(ends_at__gt=now)
    count = identity.credentials.filter(live, kind=Credential.Kind.NAMED, ended_at=None).count()
    if count >= settings.CONSOLE_NAMED_TOKENS:
        raise TooManyNamedTokens(
            f"The account has {count} live named tokens, as many as it can. Revoke one that nothing uses."
        )


def _refuse_late(account: Account, ends_at: datetime | None, now: datetime) -> None:
    if ends_at is not None and ends_at <= now:
        raise LivesTooLong("Choose a time that is not over.")
    days = Account.objects.values_list("token_days", flat=True).get(pk=account.pk)
    # A form may lie open for some minutes between its presets and its submit.
    if days is not None and (ends_at is None or ends_at > now + timedelta(days=days, minutes=1)):
        raise LivesTooLong(f"Tokens of this account live {days} days at most. Choose an earlier end.")


def _create(
    identity: ApiIdentity,
    public_id: UUID,
    actor: Actor,
    ends_at: datetime | None,
    now: datetime,
    facts: dict[str, Any],
) -> tuple[Credential, str]:
    token = crypto.make_token(settings.CONSOLE_TOKEN_PREFIX)
    credential = Credential.objects.create(
        public_id=public_id,
        identity=identity,
        kind=Credential.Kind.NAMED,
        prefix=token[: len(settings.CONSOLE_TOKEN_PREFIX) + 1 + SHOWN_CHARACTERS],
        last_four=token[-4:],
        digest=crypto.token_digest(token),
        made_by=actor.user,
        made_at=now,
        ends_at=ends_at,
        asked_ends_at=ends_at,
        # A token that is made for a week needs no mail at once that it ends in a week.
        warned_days=threshold(ends_at, now=now) if ends_at else None,
        **facts,
    )
    return credential, token


@transaction.atomic
def change_named_token(
    *, actor: Actor, public_id: UUID, name: str, cidrs: Sequence[str], now: datetime
) -> Credential:
    """Change the name of a live token and the networks it may be used from.

    :raises NoSuchToken: if the account has no live one of that id
    :raises NetworkRefused: if an entry of the list is no network
    """
    actor.require(Permission.CREDENTIAL_OWN)
    lock_identity(actor.account)
    credential = _own(actor, public_id)
    if not credential.is_live(now):
        raise NoSuchToken("This token has ended.")
    before = _facts(credential)
    credential.name, credential.cidrs = name, read_networks(cidrs) or None
    credential.save(update_fields=["name", "cidrs"])
    after = _facts(credential)
    if after != before:
        facts: dict[str, Any] = {"token": str(credential), "before": before, "after": after}
        record(EventKind.NAMED_TOKEN_CHANGED, actor=actor, target=credential, **facts)
    return credential


def _facts(credential: Credential) -> dict[str, Any]:
    return {"name": credential.name, "cidrs": [str(cidr) for cidr in credential.cidrs or []]}


def _own(actor: Actor, public_id: UUID) -> Credential:
    """Return the token, if it is the actor's own or the actor may manage all."""
    credential = find_named(actor.account, public_id)
    if credential is None:
        raise NoSuchToken("There is no such token.")
    if actor.user is None or credential.made_by_id != actor.user.pk:
        actor.require(Permission.CREDENTIAL_MANAGE)
    return credential


@transaction.atomic
def revoke_named_token(*, actor: Actor, public_id: UUID, now: datetime) -> Credential:
    """Stop a token at once; one that has ended already stays as it is.

    :raises NoSuchToken: if the account has none of that id
    """
    actor.require(Permission.CREDENTIAL_OWN)
    lock_identity(actor.account)
    credential = _own(actor, public_id)
    if credential.is_live(now):
        credential.ended_at = max(now, credential.made_at)
        credential.save(update_fields=["ended_at"])
        facts: dict[str, Any] = {"token": str(credential), "name": credential.name}
        record(EventKind.NAMED_TOKEN_REVOKED, actor=actor, target=credential, **facts)
    return credential


def end_tokens_of_leavers(*, now: datetime, limit: int = 500) -> int:
    """End the tokens of people who are members no more, one transaction each; they open nothing already."""
    return sum(_end_left(pk, now=now) for pk in tokens_of_leavers(now=now, limit=limit))


@transaction.atomic
def _end_left(pk: int, *, now: datetime) -> bool:
    account = Account.objects.get(api_identities__credentials=pk)
    lock_identity(account)
    credential = Credential.objects.get(pk=pk)
    if credential.ended_at is not None or pk not in tokens_of_leavers(now=now, limit=1, only=pk):
        return False
    credential.ended_at, credential.end_reason = max(now, credential.made_at), Credential.End.LEFT
    credential.save(update_fields=["ended_at", "end_reason"])
    facts: dict[str, Any] = {
        "token": str(credential),
        "name": credential.name,
        "reason": credential.end_reason,
    }
    record(EventKind.NAMED_TOKEN_ENDED, actor=Actor.system(account), target=credential, **facts)
    return True
