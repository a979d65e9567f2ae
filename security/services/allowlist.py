"""Ask for the IP allowlist, decide about it, keep its entries, and turn it on so that a mistake ends by itself."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts.models import Account
from console.core.access import Actor
from console.core.addresses import Network
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.networks import NetworkRefused, covered, covering, parse_network
from console.core.permissions import Permission
from security.allowlist_queries import find_entry, networks_of, replay
from security.models import AllowlistAccess, AllowlistEntry

Mode, State = Account.AllowlistMode, AllowlistAccess.State


class NotGranted(DomainError):
    """The account has no access to the allowlist yet."""

    code = "allowlist_not_granted"


class AlreadyAsked(DomainError):
    """Access was asked for, or granted, before."""

    code = "allowlist_already_asked"


class ListFull(DomainError):
    """The list has as many entries as it may."""

    code = "allowlist_full"
    field = "network"


class ListEmpty(DomainError):
    """Nothing on the list lets anybody in."""

    code = "allowlist_empty"


class NoSuchEntry(DomainError):
    """The account has no such entry."""

    code = "not_found"


class ConfirmedTooLate(DomainError):
    """There is nothing to confirm: the list reports only."""

    code = "allowlist_reverted"


class AlreadyDecided(DomainError):
    """The request was decided before."""

    code = "allowlist_decided"


@dataclass(frozen=True, slots=True)
class AddedEntry:
    """A new entry, with the entries that hold all of it and those it holds."""

    entry: AllowlistEntry
    within: tuple[Network, ...] = ()
    around: tuple[Network, ...] = ()


def _lock(account: Account) -> AllowlistAccess:
    """Return the account's row, which every change of the list locks."""
    AllowlistAccess.objects.get_or_create(account=account)
    return AllowlistAccess.objects.select_for_update().select_related("account").get(account=account)


def _lock_granted(account: Account) -> AllowlistAccess:
    access = _lock(account)
    if access.state != State.APPROVED:
        raise NotGranted("Request access to IP whitelisting first.")
    return access


# --- Access ----------------------------------------------------------------------------------


@transaction.atomic
def request_access(*, actor: Actor, reason: str, addresses: int, now: datetime) -> AllowlistAccess:
    """Ask the provider's staff for the allowlist.

    :raises AlreadyAsked: while a request waits, or once access is granted
    """
    actor.require(Permission.ALLOWLIST_MANAGE)
    access = _lock(actor.account)
    if access.state in {State.REQUESTED, State.APPROVED}:
        raise AlreadyAsked("Access was asked for already.")
    access.state, access.reason, access.addresses = State.REQUESTED, reason, addresses
    access.requested_by, access.requested_at = actor.user, now
    access.decided_by, access.decided_at, access.note = None, None, ""
    access.save()
    record(EventKind.ALLOWLIST_REQUESTED, actor=actor, target=access, reason=reason, addresses=addresses)
    return access


@transaction.atomic
def decide_access(
    *, actor: Actor, access: AllowlistAccess, is_approved: bool, note: str, now: datetime
) -> AllowlistAccess:
    """Grant or decline access, as one of the provider's staff.

    :raises AlreadyDecided: if the request does not wait any more
    """
    actor.require_staff()
    access = _lock(access.account)
    if access.state != State.REQUESTED:
        raise AlreadyDecided("This request was decided already.")
    access.state = State.APPROVED if is_approved else State.DECLINED
    access.decided_by, access.decided_at, access.note = actor.user, now, note
    access.save()
    kind = EventKind.ALLOWLIST_APPROVED if is_approved else EventKind.ALLOWLIST_DECLINED
    record(kind, actor=actor, target=access, account=access.account, note=note)
    return access


# --- Entries ---------------------------------------------------------------------------------


def add_entry(
    *, actor: Actor, network: str, label: str, expires_at: datetime | None, now: datetime
) -> AddedEntry:
    """Add a network, and say which entries it overlaps.

    :raises NetworkRefused: if it is no network the list takes, or is there already
    :raises ListFull: if the list has no room
    """
    actor.require(Permission.ALLOWLIST_MANAGE)
    wanted = parse_network(network)
    with transaction.atomic():
        _lock_granted(actor.account)
        known = networks_of(actor.account)
        _refuse_known(wanted, known, count=len(known))
        entry = AllowlistEntry.objects.create(
            account=actor.account,
            network=str(wanted),
            label=label,
            expires_at=expires_at,
            made_by=actor.user,
            made_at=now,
        )
        facts: dict[str, Any] = {"network": str(wanted), "label": label, "expires_at": expires_at}
        record(EventKind.ALLOWLIST_ENTRY_ADDED, actor=actor, target=entry, **facts)
    return AddedEntry(entry, tuple(covering(wanted, known)), tuple(covered(wanted, known)))


def _refuse_known(wanted: Network, known: list[Network], *, count: int) -> None:
    if wanted in known:
        raise NetworkRefused(f"{wanted} is on the list already.", code="duplicate")
    if count >= settings.CONSOLE_ALLOWLIST_ENTRIES:
        raise ListFull(
            f"The list has {count} entries, as many as it can. Remove one first, or add a wider range."
        )


@transaction.atomic
def change_entry(*, actor: Actor, public_id: UUID, label: str, expires_at: datetime | None) -> AllowlistEntry:
    """Change label and end of an entry.

    :raises NoSuchEntry: if the account has none of that name
    """
    actor.require(Permission.ALLOWLIST_MANAGE)
    _lock_granted(actor.account)
    entry = _entry(actor.account, public_id)
    before = {"label": entry.label, "expires_at": entry.expires_at}
    entry.label, entry.expires_at = label, expires_at
    entry.save(update_fields=["label", "expires_at"])
    after = {"label": label, "expires_at": expires_at}
    facts: dict[str, Any] = {"network": str(entry.network), "before": before, "after": after}
    record(EventKind.ALLOWLIST_ENTRY_CHANGED, actor=actor, target=entry, **facts)
    return entry


@transaction.atomic
def remove_entry(*, actor: Actor, public_id: UUID) -> AllowlistEntry:
    """Take an entry off the list.

    :raises NoSuchEntry: if the account has none of that name
    """
    actor.require(Permission.ALLOWLIST_MANAGE)
    _lock_granted(actor.account)
    entry = _entry(actor.account, public_id)
    facts: dict[str, Any] = {"network": str(entry.network), "label": entry.label}
    record(EventKind.ALLOWLIST_ENTRY_REMOVED, actor=actor, target=entry, **facts)
    entry.delete()
    return entry


def _entry(account: Account, public_id: UUID) -> AllowlistEntry:
    entry = find_entry(account, public_id)
    if entry is None:
        raise NoSuchEntry("There is no such entry.")
    return entry


# --- Modes -----------------------------------------------------------------------------------


@transaction.atomic
def set_mode(*, actor: Actor, mode: str, now: datetime) -> AllowlistAccess:
    """Turn the list off, to report only, or to enforcing until somebody confirms it.

    :raises ListEmpty: if enforcing would refuse every caller
    """
    actor.require(Permission.ALLOWLIST_MANAGE)
    access = _lock_granted(actor.account)
    before = access.account.allowlist_mode
    if mode == before:
        return access
    live = Q(expires_at=None) | Q(expires_at__gt=now)
    if mode == Mode.ENFORCING and not AllowlistEntry.objects.of(access.account).filter(live).exists():
        raise ListEmpty("The list is empty, so every call would be refused. Add an address first.")
    minutes = timedelta(minutes=settings.CONSOLE_ALLOWLIST_CONFIRM_MINUTES)
    _put(access, mode, since=now, confirm_by=now + minutes if mode == Mode.ENFORCING else None)
    seen = replay(access.account, now=now)
    facts: dict[str, Any] = {"before": before, "after": mode, "confirm_by": access.confirm_by}
    facts |= {"callers": seen.callers, "would_refuse": seen.refused}
    record(EventKind.ALLOWLIST_MODE_CHANGED, actor=actor, target=access, **facts)
    return access


def _put(access: AllowlistAccess, mode: str, *, since: datetime, confirm_by: datetime | None) -> None:
    Account.objects.filter(pk=access.account_id).update(allowlist_mode=mode)
    access.account.allowlist_mode = mode
    access.mode_since, access.confirm_by, access.confirmed_at = since, confirm_by, None
    access.save(update_fields=["mode_since", "confirm_by", "confirmed_at"])


@transaction.atomic
def confirm_enforcing(*, actor: Actor, now: datetime) -> AllowlistAccess:
    """Let the list enforce for good.

    :raises ConfirmedTooLate: if it went back to report only, or will as soon as the task looks
    """
    actor.require(Permission.ALLOWLIST_MANAGE)
    access = _lock_granted(actor.account)
    is_late = access.confirm_by is not None and access.confirm_by <= now
    if access.account.allowlist_mode != Mode.ENFORCING or is_late:
        raise ConfirmedTooLate("The list went back to report only. Turn enforcing on again.")
    if access.confirm_by is not None:
        access.confirm_by, access.confirmed_at = None, now
        access.save(update_fields=["confirm_by", "confirmed_at"])
        record(EventKind.ALLOWLIST_CONFIRMED, actor=actor, target=access)
    return access


def revert_due(*, now: datetime, limit: int = 500) -> int:
    """Put the lists back to report only that nobody confirmed in time, one transaction each."""
    due = AllowlistAccess.objects.filter(confirm_by__lte=now).order_by("confirm_by")
    return sum(_revert(pk, now=now) for pk in list(due.values_list("pk", flat=True)[:limit]))


@transaction.atomic
def _revert(pk: int, *, now: datetime) -> bool:
    access = AllowlistAccess.objects.select_for_update().select_related("account").get(pk=pk)
    if access.confirm_by is None or access.confirm_by > now:
        return False
    _put(access, Mode.REPORT, since=access.confirm_by, confirm_by=None)
    record(EventKind.ALLOWLIST_REVERTED, actor=Actor.system(access.account), target=access)
    return True
