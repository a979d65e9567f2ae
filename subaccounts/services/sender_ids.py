"""Ask for sender IDs, decide about them, and remove them."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from subaccounts.models import SenderId, Subaccount
from subaccounts.queries.countries import country_name
from subaccounts.queries.scope import reachable
from subaccounts.services.owners import find_owner, hold_resources, owner_name

State = SenderId.State
_LETTERS = re.compile(r"[A-Za-z0-9 ]+")
_LEAST, _MOST = 3, 11


class SenderRefused(DomainError):
    """The name is none that phones show."""

    code = "sender_id_refused"
    field = "sender"


class AlreadyAsked(DomainError):
    """The owner asked for this name in this country before."""

    code = "sender_id_already_asked"
    field = "sender"


class TooManyWaiting(DomainError):
    """As many requests wait as may."""

    code = "sender_ids_waiting"


class NoSuchSender(DomainError):
    """The account has no such sender ID."""

    code = "not_found"


class AlreadyDecided(DomainError):
    """The request was decided before."""

    code = "sender_id_decided"


def check_sender(text: str) -> str:
    """Return the name as phones show it: 3 to 11 of letters, digits and spaces, with a letter among them.

    :raises SenderRefused: with what is wrong
    """
    sender = " ".join(text.split(" ")).strip(" ")
    if not _LETTERS.fullmatch(sender):
        raise SenderRefused("Use the letters A to Z, digits and spaces.")
    if not _LEAST <= len(sender) <= _MOST:
        raise SenderRefused(f"Use {_LEAST} to {_MOST} characters. This has {len(sender)}.")
    if not any(character.isalpha() for character in sender):
        raise SenderRefused("Use at least one letter, so that nobody takes it for a number.")
    return sender


@transaction.atomic
def request_sender_id(
    *, actor: Actor, sender: str, country_iso: str, purpose: str, now: datetime, subaccount_id: str = ""
) -> SenderId:
    """Ask staff to whitelist a name in a country, for the main account or the subaccount with that Auth ID.

    :raises SenderRefused: if it is none that phones show
    :raises AlreadyAsked: if it waits, or is whitelisted
    """
    actor.require(Permission.RESOURCE_MANAGE)
    name = check_sender(sender)
    # One request at a time, so that two clicks are one and the limit holds.
    hold_resources(actor)
    subaccount = find_owner(actor, subaccount_id)
    known = SenderId.objects.of(actor.account)
    same = known.filter(subaccount=subaccount, sender=name, country_iso=country_iso)
    if same.exclude(state=State.DECLINED).exists():
        raise AlreadyAsked(f"{name} was asked for in {country_name(country_iso)} already.")
    if known.filter(state=State.REQUESTED).count() >= settings.CONSOLE_SENDER_IDS_WAITING:
        raise TooManyWaiting("As many requests wait as can. Ask again once some are decided.")
    made: SenderId = SenderId.objects.create(
        account=actor.account,
        subaccount=subaccount,
        sender=name,
        country_iso=country_iso,
        purpose=purpose,
        requested_by=actor.user,
        requested_at=now,
    )
    facts: dict[str, Any] = {"country": country_iso, "purpose": purpose, "owner": owner_name(subaccount)}
    record(EventKind.SENDER_ID_REQUESTED, actor=actor, target=made, at=now, **facts)
    return made


@transaction.atomic
def decide_sender_id(
    *, actor: Actor, sender_id: SenderId, is_approved: bool, note: str, now: datetime
) -> SenderId:
    """Whitelist or decline a name, as one of the provider's staff.

    :raises AlreadyDecided: if the request does not wait any more
    """
    actor.require_staff()
    hold_resources(Actor.system(sender_id.account))
    locked = SenderId.unscoped.select_for_update(of=("self",)).select_related("account")
    row = locked.filter(pk=sender_id.pk).first()
    if row is None or row.state != State.REQUESTED:
        raise AlreadyDecided("This request was decided, or taken back, already.")
    row.state = State.APPROVED if is_approved else State.DECLINED
    row.decided_by, row.decided_at, row.note = actor.user, now, note
    row.save(update_fields=["state", "decided_by", "decided_at", "note"])
    kind = EventKind.SENDER_ID_APPROVED if is_approved else EventKind.SENDER_ID_DECLINED
    record(kind, actor=actor, target=row, account=row.account, at=now, country=row.country_iso, note=note)
    return row


@transaction.atomic
def remove_sender_id(*, actor: Actor, public_id: UUID, now: datetime) -> None:
    """Take a request back, or give a sender ID up.

    :raises NoSuchSender: if the actor reaches none of that id
    """
    actor.require(Permission.RESOURCE_MANAGE)
    hold_resources(actor)
    row = reachable(SenderId, actor).select_for_update(of=("self",)).filter(public_id=public_id).first()
    if row is None:
        raise NoSuchSender("There is no such sender ID.")
    facts: dict[str, Any] = {"country": row.country_iso, "state": row.state}
    record(EventKind.SENDER_ID_REMOVED, actor=actor, target=row, at=now, **facts)
    row.delete()


def move_to_main(*, actor: Actor, subaccount: Subaccount, now: datetime) -> int:
    """Give the sender IDs of a subaccount that goes to the main account, in the caller's transaction.

    Of two for the same name and country the whitelisted one stays.
    """
    actor.require(Permission.SUBACCOUNT_MANAGE)
    rows = _lock_all(actor, subaccount)
    main = SenderId.objects.of(actor.account).select_for_update(of=("self",)).filter(subaccount=None)
    kept = {(row.sender, row.country_iso): row for row in main.exclude(state=State.DECLINED)}
    for row in rows:
        _move(row, kept.get((row.sender, row.country_iso)))
    if rows:
        record(EventKind.SENDER_IDS_MOVED, actor=actor, target=subaccount, at=now, count=len(rows))
    return len(rows)


def _move(row: SenderId, other: SenderId | None) -> None:
    if other is not None and row.state != State.DECLINED:
        if row.state == State.REQUESTED or other.state == State.APPROVED:
            row.delete()
            return
        other.delete()
    row.subaccount = None
    row.save(update_fields=["subaccount"])


def delete_of(*, actor: Actor, subaccount: Subaccount, now: datetime) -> int:
    """Remove the sender IDs of a subaccount that goes, in the caller's transaction."""
    actor.require(Permission.SUBACCOUNT_MANAGE)
    rows = _lock_all(actor, subaccount)
    SenderId.unscoped.filter(pk__in=[row.pk for row in rows]).delete()
    if rows:
        record(EventKind.SENDER_IDS_REMOVED, actor=actor, target=subaccount, at=now, count=len(rows))
    return len(rows)


def _lock_all(actor: Actor, subaccount: Subaccount) -> list[SenderId]:
    rows = SenderId.objects.of(actor.account).select_for_update(of=("self",))
    return list(rows.filter(subaccount=subaccount).order_by("pk"))
