"""Create, rename, enable, disable and delete subaccounts."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.models import Account
from accounts.names import NameRefused, clean_name
from accounts.services.identities import close_identity, open_identity, switch_identity
from accounts.token_rules import read_networks
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from console.core.ratelimit import Limit, spend
from subaccounts.models import Subaccount
from subaccounts.services.owned import OWNED
from subaccounts.services.owners import hold_resources

NAME_LIMIT = 255
_CREATIONS = Limit("subaccount-create", 500, 3600)


class NoSuchSubaccount(DomainError):
    """The account has no such subaccount, or it was deleted."""

    code = "not_found"


class TooManySubaccounts(DomainError):
    """The account has as many subaccounts as it may."""

    code = "too_many_subaccounts"
    field = "name"


class SubaccountNameRefused(DomainError):
    """The name is no name."""

    code = "bad_name"
    field = "name"


@dataclass(frozen=True, slots=True)
class MadeSubaccount:
    """A new subaccount with its first Auth Token, which is there once: empty when the same form came again."""

    subaccount: Subaccount
    token: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """A deleted subaccount, and how many of each kind went with it or moved; none when it was gone already."""

    subaccount: Subaccount
    counts: Mapping[str, int] = field(default_factory=dict)


def create_subaccount(
    *, actor: Actor, name: str, is_enabled: bool, now: datetime, form_id: UUID | None = None
) -> MadeSubaccount:
    """Create a subaccount with one Auth Token.

    ``form_id`` names the form that was sent: however often it comes, it makes one subaccount.

    :raises SubaccountNameRefused: if the name is empty or hides something
    :raises TooManySubaccounts: if the account has as many as it may
    :raises TokensHeld: while the account is locked down
    """
    actor.require(Permission.SUBACCOUNT_MANAGE)
    name = _cleaned(name)
    spend(_CREATIONS, str(actor.account.pk), now=now)
    key = uuid.uuid5(form_id, f"subaccount:{actor.account.pk}") if form_id else uuid.uuid4()
    with transaction.atomic():
        made = open_identity(actor=actor, is_enabled=is_enabled, public_id=key, now=now)
        identity = made.credential.identity
        if not made.token:
            return MadeSubaccount(Subaccount.objects.of(actor.account).get(identity=identity), "")
        _refuse_full(actor.account)
        subaccount = Subaccount.objects.create(
            account=actor.account, identity=identity, auth_id=identity.auth_id, name=name, created_at=now
        )
        facts: dict[str, Any] = {"auth_id": identity.auth_id, "name": name, "enabled": is_enabled}
        record(
            EventKind.SUBACCOUNT_CREATED, actor=actor, target=subaccount, token=str(made.credential), **facts
        )
    return MadeSubaccount(subaccount, made.token)


def _cleaned(name: str) -> str:
    try:
        return clean_name(name, limit=NAME_LIMIT)
    except NameRefused as error:
        raise SubaccountNameRefused(str(error)) from error


def _refuse_full(account: Account) -> None:
    count = Subaccount.objects.of(account).filter(deleted_at=None).count()
    if count >= settings.CONSOLE_SUBACCOUNTS:
        raise TooManySubaccounts(
            f"The account has {count:,} subaccounts, as many as it can. Delete one that nothing uses."
        )


def lock_subaccount(account: Account, auth_id: str) -> Subaccount:
    """Lock one subaccount that is not deleted; whoever gives it something, or takes it away, locks it first.

    :raises NoSuchSubaccount: if the account has none of that Auth ID
    """
    found = _lock(account, auth_id)
    if found.deleted_at is not None:
        raise NoSuchSubaccount("There is no such subaccount.")
    return found


def _lock(account: Account, auth_id: str) -> Subaccount:
    # The row stays open to those that only refer to it: whoever charges it holds the balance meanwhile.
    rows = Subaccount.objects.of(account).select_for_update(no_key=True, of=("self",))
    rows = rows.select_related("identity")
    found = rows.filter(auth_id=auth_id).first()
    if found is None:
        raise NoSuchSubaccount("There is no such subaccount.")
    return found


@transaction.atomic
def change_subaccount(
    *,
    actor: Actor,
    auth_id: str,
    now: datetime,
    name: str | None = None,
    is_enabled: bool | None = None,
) -> Subaccount:
    """Rename a subaccount, enable or disable it; None leaves a thing as it is.

    The calls of a disabled one are refused from the next one on; what it owns stays.

    :raises NoSuchSubaccount: if the account has none of that Auth ID
    :raises SubaccountNameRefused: if the name is empty or hides something
    """
    actor.require(Permission.SUBACCOUNT_MANAGE)
    subaccount = lock_subaccount(actor.account, auth_id)
    is_renamed = name is not None and _rename(subaccount, _cleaned(name), actor)
    is_switched = is_enabled is not None and _switch(subaccount, actor, is_enabled=is_enabled)
    if is_renamed or is_switched:
        subaccount.modified_at = now
        subaccount.save(update_fields=["name", "modified_at"])
    return subaccount


def _rename(subaccount: Subaccount, name: str, actor: Actor) -> bool:
    before, subaccount.name = subaccount.name, name
    if before != name:
        facts: dict[str, Any] = {"auth_id": subaccount.auth_id, "before": before, "after": name}
        record(EventKind.SUBACCOUNT_RENAMED, actor=actor, target=subaccount, **facts)
    return before != name


def _switch(subaccount: Subaccount, actor: Actor, *, is_enabled: bool) -> bool:
    is_changed = switch_identity(subaccount.identity, is_enabled=is_enabled)
    if is_changed:
        kind = EventKind.SUBACCOUNT_ENABLED if is_enabled else EventKind.SUBACCOUNT_DISABLED
        facts: dict[str, Any] = {"auth_id": subaccount.auth_id, "name": subaccount.name}
        record(kind, actor=actor, target=subaccount, **facts)
    return is_changed


@transaction.atomic
def set_networks(*, actor: Actor, auth_id: str, networks: Sequence[str], now: datetime) -> Subaccount:
    """Set the addresses that may call as the subaccount, within the account's own list; none means any.

    :raises NoSuchSubaccount: if the account has none of that Auth ID
    :raises NetworkRefused: if an entry of the list is no network
    """
    actor.require(Permission.ALLOWLIST_MANAGE)
    after = read_networks(networks)
    subaccount = lock_subaccount(actor.account, auth_id)
    before = [str(network) for network in subaccount.networks or []]
    if before != after:
        subaccount.networks, subaccount.modified_at = after or None, now
        subaccount.save(update_fields=["networks", "modified_at"])
        facts: dict[str, Any] = {"auth_id": auth_id, "before": before, "after": after}
        record(EventKind.SUBACCOUNT_NETWORKS_CHANGED, actor=actor, target=subaccount, **facts)
    return subaccount


@transaction.atomic
def delete_subaccount(*, actor: Actor, auth_id: str, is_cascading: bool, now: datetime) -> Deleted:
    """Delete a subaccount for good: its tokens stop, what it owns is deleted too or moves to the main account.

    Its row stays, because usage and invoices name it. One that is deleted already stays as it is.

    :raises NoSuchSubaccount: if the account never had one of that Auth ID
    """
    actor.require(Permission.SUBACCOUNT_MANAGE)
    # The order in which everybody locks: what the account owns, the subaccount, its identity.
    hold_resources(actor)
    subaccount = _lock(actor.account, auth_id)
    if subaccount.deleted_at is not None:
        return Deleted(subaccount)
    tokens = close_identity(subaccount.identity, now=now)
    counts = {}
    for kind in OWNED if is_cascading else reversed(OWNED):
        act = kind.delete if is_cascading else kind.move
        counts[kind.plural] = act(actor=actor, subaccount=subaccount, now=now)
    subaccount.deleted_at = now
    subaccount.save(update_fields=["deleted_at"])
    facts: dict[str, Any] = {"auth_id": auth_id, "name": subaccount.name, "counts": counts}
    facts |= {"cascade": is_cascading, "tokens": [str(token) for token in tokens]}
    record(EventKind.SUBACCOUNT_DELETED, actor=actor, target=subaccount, **facts)
    return Deleted(subaccount, counts)
