"""Lead an account back after a lock-down, one step at a time."""

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import Account
from accounts.services import lockdown as accounts
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from security.compromise_queries import CONFIRMED_STEPS, Checklist, checklist_of, open_lockdown
from security.models import Lockdown, LockdownStep


class NotLocked(DomainError):
    """The account is open: there is nothing to reopen."""

    code = "not_locked"


class StepsLeft(DomainError):
    """An earlier step of the way back is not done."""

    code = "steps_left"


def _lock(actor: Actor) -> Lockdown:
    """Return the open lock-down; the account's row stays locked.

    :raises NotLocked: if there is none
    """
    account = Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)
    row = open_lockdown(account)
    if row is None:
        raise NotLocked("The account is not locked down.")
    row.account = account
    return row


@transaction.atomic
def tick_step(*, actor: Actor, name: str, now: datetime) -> Lockdown:
    """Note that the actor did a step that no fact shows; a second time changes nothing."""
    actor.require(Permission.SECURITY_MANAGE)
    row = _lock(actor)
    if name not in CONFIRMED_STEPS:
        raise StepsLeft("There is no such step.")
    made = LockdownStep.objects.get_or_create(
        lockdown=row, name=name, defaults={"done_by": actor.user, "done_at": now}
    )[1]
    if made:
        facts: dict[str, Any] = {"step": CONFIRMED_STEPS[name]}
        record(EventKind.LOCKDOWN_STEP_DONE, actor=actor, target=row, account=row.account, **facts)
    return row


@transaction.atomic
def reopen_tokens(*, actor: Actor, now: datetime) -> Lockdown:
    """Let tokens be made again.

    :raises StepsLeft: while a step before it is not done
    """
    actor.require(Permission.SECURITY_MANAGE)
    row = _lock(actor)
    _refuse_left(checklist_of(row, viewer=actor.user).left_before_tokens)
    if row.tokens_reopened_at is None:
        row.tokens_reopened_at = now
        row.save(update_fields=["tokens_reopened_at"])
        accounts.mark_tokens_free(row.account)
        record(EventKind.TOKENS_REOPENED, actor=actor, target=row, account=row.account)
    return row


@transaction.atomic
def reopen_account(*, actor: Actor, now: datetime) -> Lockdown:
    """Close the lock-down.

    :raises StepsLeft: while a step is not done
    """
    actor.require(Permission.SECURITY_MANAGE)
    row = _lock(actor)
    found: Checklist = checklist_of(row, viewer=actor.user)
    _refuse_left(found.left)
    row.closed_at, row.closed_by = now, actor.user
    row.save(update_fields=["closed_at", "closed_by"])
    accounts.mark_reopened(row.account)
    record(EventKind.ACCOUNT_REOPENED, actor=actor, target=row, account=row.account)
    return row


def _refuse_left(left: list[str]) -> None:
    if left:
        raise StepsLeft(f"First: {', '.join(left)}.")


@transaction.atomic
def handle_lockdown(*, actor: Actor, row: Lockdown, note: str, now: datetime) -> Lockdown:
    """Note what the provider's staff did about a lock-down."""
    actor.require_staff()
    row = Lockdown.unscoped.select_for_update().get(pk=row.pk)
    row.handled_by, row.handled_at, row.note = actor.user, now, note
    row.save(update_fields=["handled_by", "handled_at", "note"])
    record(EventKind.LOCKDOWN_HANDLED, actor=actor, target=row, account=row.account)
    return row
