"""Let an account ask its members for an authenticator app or a passkey, after some days of grace."""

import math
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.models import Account
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from security import queries
from security.models import FactorPolicy

GRACES = (0, 3, 7, 14, 30)
_REMINDERS = (3, 1)


class FactorPolicyRefused(DomainError):
    """The rule would shut out the person who sets it, or its grace is none of the choices."""

    code = "factor_policy_refused"


@transaction.atomic
def set_factor_policy(*, actor: Actor, is_required: bool, grace_days: int, now: datetime) -> bool:
    """Ask the members for an authenticator app or a passkey, or let any second factor do; return what is new.

    :raises FactorPolicyRefused: if the actor has neither, or the grace is none of ``GRACES``
    """
    actor.require(Permission.SECURITY_MANAGE)
    account = Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)
    rule = FactorPolicy.objects.filter(account=account).first()
    return _ask(actor, rule, grace_days, now) if is_required else _lift(actor, rule)


def _lift(actor: Actor, rule: FactorPolicy | None) -> bool:
    if rule is None:
        return False
    record(EventKind.FACTOR_POLICY_LIFTED, actor=actor, target=rule, before=_facts(rule), after=None)
    rule.delete()
    return True


def _ask(actor: Actor, rule: FactorPolicy | None, grace_days: int, now: datetime) -> bool:
    if grace_days not in GRACES:
        raise FactorPolicyRefused("Choose one of the times.", field="grace")
    if not queries.factors_of(actor.user).has_strong:
        raise FactorPolicyRefused(
            "You sign in with phone codes only. Add an authenticator app or a passkey yourself first."
        )
    if rule is not None and rule.grace_days == grace_days:
        return False
    before = _facts(rule) if rule else None
    rule = rule or FactorPolicy(account=actor.account)
    rule.set_by, rule.set_at, rule.grace_days = actor.user, now, grace_days
    rule.enforced_from = now + timedelta(days=grace_days)
    rule.remind_at = _next_reminder(rule, now)
    rule.save()
    record(EventKind.FACTOR_POLICY_SET, actor=actor, target=rule, before=before, after=_facts(rule))
    return True


def _facts(rule: FactorPolicy) -> dict[str, Any]:
    return {"grace_days": rule.grace_days, "enforced_from": rule.enforced_from}


def _next_reminder(rule: FactorPolicy, now: datetime) -> datetime | None:
    moments = (rule.enforced_from - timedelta(days=days) for days in _REMINDERS)
    return next((moment for moment in moments if moment > now), None)


def remind_due(*, now: datetime) -> int:
    """Record each reminder that is due, and return how many; a late or second run reminds once."""
    due = FactorPolicy.objects.filter(remind_at__lte=now).values_list("pk", flat=True)
    return sum(_remind(pk, now) for pk in list(due))


@transaction.atomic
def _remind(pk: int, now: datetime) -> bool:
    due = FactorPolicy.objects.select_for_update(of=("self",), skip_locked=True).select_related("account")
    rule = due.filter(pk=pk, remind_at__lte=now).first()
    if rule is None:
        return False
    rule.remind_at = _next_reminder(rule, now)
    rule.save(update_fields=["remind_at"])
    if rule.is_enforced(now):
        return False
    days_left = math.ceil((rule.enforced_from - now) / timedelta(days=1))
    record(
        EventKind.FACTOR_POLICY_REMINDED,
        actor=Actor.system(rule.account),
        target=rule,
        days_left=days_left,
        enforced_from=rule.enforced_from,
    )
    return True
