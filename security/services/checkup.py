"""Put a finding of the security check-up off, and take it up again."""

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import Account
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from security.checkup_queries import find_check
from security.models import CheckupSnooze


class NoSuchFinding(DomainError):
    """There is no such check, or nothing of it was put off."""

    code = "not_found"


@transaction.atomic
def snooze_finding(*, actor: Actor, name: str, reason: str, until: datetime, now: datetime) -> CheckupSnooze:
    """Put a finding off until an instant, for a reason; an earlier decision ends.

    :raises NoSuchFinding: if there is no such check
    """
    actor.require(Permission.SECURITY_MANAGE)
    account = _lock(actor)
    check = find_check(name)
    if check is None:
        raise NoSuchFinding("There is no such check.")
    _end(account, name, actor, now)
    row: CheckupSnooze = CheckupSnooze.objects.create(
        account=account, check_name=name, reason=reason, until=until, made_by=actor.user, made_at=now
    )
    facts: dict[str, Any] = {"check": check.label, "reason": reason, "until": until}
    record(EventKind.CHECK_SNOOZED, actor=actor, target=row, **facts)
    return row


@transaction.atomic
def unsnooze_finding(*, actor: Actor, name: str, now: datetime) -> None:
    """Show a finding again; one that is shown already stays so.

    :raises NoSuchFinding: if there is no such check
    """
    actor.require(Permission.SECURITY_MANAGE)
    account = _lock(actor)
    check = find_check(name)
    if check is None:
        raise NoSuchFinding("There is no such check.")
    row = _end(account, name, actor, now)
    if row is not None and row.until > now:
        record(EventKind.CHECK_UNSNOOZED, actor=actor, target=row, check=check.label)


def _lock(actor: Actor) -> Account:
    return Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)


def _end(account: Account, name: str, actor: Actor, now: datetime) -> CheckupSnooze | None:
    row: CheckupSnooze | None = (
        CheckupSnooze.objects.of(account).filter(check_name=name, ended_at=None).first()
    )
    if row is not None:
        row.ended_at, row.ended_by = now, actor.user
        row.save(update_fields=["ended_at", "ended_by"])
    return row
