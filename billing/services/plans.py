"""Commit plans, and tell about those that end."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.models import Account
from billing.models import Plan
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record


class PlanRefused(DomainError):
    """The plan is none that includes a team, or overlaps another one."""

    code = "plan_refused"


_CLOSING_DAYS = 3
_TEAM_PLANS = 500


def check_plan(plan: Plan) -> None:
    """Judge a plan before it is stored.

    :raises PlanRefused: if the amount is too small, it has no length, or another plan runs in that time
    """
    if plan.monthly_amount < settings.CONSOLE_PLAN_AMOUNT:
        raise PlanRefused(f"A plan begins at {settings.CONSOLE_PLAN_AMOUNT} US dollars a month.")
    if plan.ends_at <= plan.starts_at:
        raise PlanRefused("A plan ends after it starts.")
    others = Plan.objects.of(plan.account).filter(starts_at__lt=plan.ends_at, ends_at__gt=plan.starts_at)
    if others.exclude(pk=plan.pk).exists():
        raise PlanRefused("Another plan of the account runs in that time.")


@transaction.atomic
def commit_plan(*, actor: Actor, plan: Plan) -> Plan:
    """Commit an account to a spend a month, as one of the provider's staff.

    :raises PlanRefused: as ``check_plan`` does
    """
    actor.require_staff()
    Account.objects.select_for_update(no_key=True).get(pk=plan.account_id)
    check_plan(plan)
    plan.save()
    facts: dict[str, Any] = {"monthly_amount": str(plan.monthly_amount), "reason": plan.reason}
    times = {"starts_at": plan.starts_at, "ends_at": plan.ends_at}
    record(EventKind.PLAN_COMMITTED, actor=actor, target=plan, account=plan.account, **facts, **times)
    return plan


def sweep_plans(*, now: datetime) -> int:
    """Tell about plans that ended, a step at a time; the rows keep how far it went, so a second run does nothing."""
    grace = timedelta(days=settings.CONSOLE_GRACE_DAYS)
    closing = now - grace + timedelta(days=_CLOSING_DAYS)
    stage = Plan.Stage
    steps = (
        (stage.RUNNING, now, stage.GRACE, EventKind.PLAN_ENDED),
        (stage.GRACE, closing, stage.CLOSING, EventKind.PLAN_GRACE_ENDING),
        (stage.CLOSING, now - grace, stage.OVER, EventKind.PLAN_GRACE_ENDED),
    )
    return sum(_step_on(*step, now=now) for step in steps)


def _step_on(before: str, ended: datetime, after: str, kind: EventKind, *, now: datetime) -> int:
    due = Plan.unscoped.filter(stage=before, ends_at__lte=ended)
    return sum(_step_one(pk, before, after, kind, now) for pk in _ids(due))


def _ids(rows: Any) -> Iterator[int]:
    yield from list(rows.order_by("ends_at", "pk").values_list("pk", flat=True)[:_TEAM_PLANS])


@transaction.atomic
def _step_one(pk: int, before: str, after: str, kind: EventKind, now: datetime) -> int:
    locked = Plan.unscoped.select_for_update(of=("self",), skip_locked=True).select_related("account")
    plan = locked.filter(pk=pk, stage=before).first()
    if plan is None:
        return 0
    renewed = Plan.objects.of(plan.account).filter(ends_at__gt=now, starts_at__lte=now).exists()
    plan.stage = Plan.Stage.OVER if renewed else after
    plan.save(update_fields=["stage"])
    if not renewed:
        closes_at = plan.ends_at + timedelta(days=settings.CONSOLE_GRACE_DAYS)
        record(kind, actor=Actor.system(plan.account), target=plan, at=now, closes_at=closes_at)
    return 1
