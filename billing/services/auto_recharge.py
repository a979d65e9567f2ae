"""Recharge by itself when the balance falls, and stop by itself when that goes too fast."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce

from accounts.models import Account
from billing import gateway, recharge_rules
from billing.models import AutoRecharge, Balance, Card, Recharge
from billing.services.recharge import RechargeRefused
from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.permissions import Permission

Pause, Rest = AutoRecharge.Pause, AutoRecharge.Rest
_ZERO = Decimal(0)
_NOTHING = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks of auto-recharge, in US dollars."""

    threshold: Decimal
    amount: Decimal
    day_cap: Decimal
    week_cap: Decimal
    month_cap: Decimal


def set_auto_recharge(*, actor: Actor, wish: Wish, now: datetime) -> AutoRecharge:
    """Turn auto-recharge on, or change it; a pause stays one.

    :raises RechargeRefused: if amounts do not fit each other, or there is no card
    :raises GatewayOff: if no Stripe key is configured
    """
    actor.require(Permission.BILLING_MANAGE)
    gateway.require_on()
    _check(wish)
    with transaction.atomic():
        account = Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)
        if not _default_card(account):
            raise RechargeRefused("Save a card first.")
        rule = _locked(account) or AutoRecharge(account=account)
        for name in Wish.__slots__:
            setattr(rule, name, getattr(wish, name))
        rule.is_on, rule.changed_by, rule.changed_at = True, actor.user, now
        if rule.rest_reason in recharge_rules.PERIODS:
            rule.rests_until, rule.rest_reason = None, ""
        rule.save()
        facts: dict[str, Any] = {name: str(getattr(wish, name)) for name in Wish.__slots__}
        record(EventKind.AUTO_RECHARGE_SET, actor=actor, target=rule, account=account, at=now, **facts)
    return rule


def _check(wish: Wish) -> None:
    least, most = settings.CONSOLE_RECHARGE_LEAST, settings.CONSOLE_RECHARGE_MOST
    if not least <= wish.amount <= most:
        raise RechargeRefused(f"Add between ${least:,} and ${most:,} at a time.", field="amount")
    if not wish.amount <= wish.day_cap:
        raise RechargeRefused("A day must hold at least one recharge.", field="day_cap")
    if not wish.day_cap <= wish.week_cap:
        raise RechargeRefused("A week can not have less than a day.", field="week_cap")
    if not wish.week_cap <= wish.month_cap:
        raise RechargeRefused("A month can not have less than a week.", field="month_cap")


@transaction.atomic
def turn_off(*, actor: Actor, now: datetime) -> None:
    """Charge nothing by itself any more; a recharge that is under way goes on."""
    actor.require(Permission.BILLING_MANAGE)
    rule = _locked(actor.account)
    if rule is not None and rule.is_on:
        rule.is_on, rule.changed_by, rule.changed_at = False, actor.user, now
        rule.save()
        record(EventKind.AUTO_RECHARGE_TURNED_OFF, actor=actor, target=rule, at=now)


@transaction.atomic
def resume(*, actor: Actor, now: datetime) -> None:
    """Let auto-recharge go on after a pause; recharges before it no longer count for the brake."""
    actor.require(Permission.BILLING_MANAGE)
    rule = _locked(actor.account)
    if rule is not None and rule.paused_at is not None:
        facts: dict[str, Any] = {"reason": rule.pause_reason}
        rule.paused_at, rule.pause_reason, rule.brake_from = None, "", now
        rule.save()
        record(EventKind.AUTO_RECHARGE_RESUMED, actor=actor, target=rule, at=now, **facts)


def pause_for_lockdown(account: Account, actor: Actor, now: datetime) -> int:
    """Pause auto-recharge. A step of the lock-down."""
    rule = _locked(account)
    if rule is None or not rule.is_on or rule.paused_at is not None:
        return 0
    _pause(rule, Pause.LOCK_DOWN, actor, now)
    return 1


def low_rules(*, now: datetime, limit: int) -> list[int]:
    """Return the rules whose account has too little and that nothing stops."""
    awake = Q(rests_until=None) | Q(rests_until__lte=now)
    rows = AutoRecharge.unscoped.filter(
        awake, is_on=True, paused_at=None, account__state=Account.State.ACTIVE
    )
    rows = rows.annotate(left=Coalesce(F("account__balance__amount"), _ZERO)).filter(left__lt=F("threshold"))
    under_way = Recharge.unscoped.filter(is_automatic=True, state__in=Recharge.OPEN).values("account_id")
    return list(rows.exclude(account_id__in=under_way).order_by("pk").values_list("pk", flat=True)[:limit])


@transaction.atomic
def recharge_if_low(*, rule_id: int, now: datetime) -> int | None:
    """Begin a recharge if the balance is low and nothing speaks against it; return the recharge to drive."""
    rules = AutoRecharge.unscoped.select_for_update(of=("self",)).select_related("account")
    rule = rules.filter(pk=rule_id, is_on=True, paused_at=None).first()
    if rule is None or rule.is_resting(now) or not gateway.is_on() or not _is_due(rule):
        return None
    card = _default_card(rule.account)
    if card is None:
        _pause(rule, Pause.NO_CARD, Actor.system(rule.account), now)
        return None
    cap = recharge_rules.passed_cap(
        rule.amount, rule.caps, spent_by(rule.account, now=now), _periods(rule, now)
    )
    if cap is not None:
        _rest(rule, cap.name, cap.until, now)
        return None
    return _begin(rule, card, now)


def _is_due(rule: AutoRecharge) -> bool:
    # In this order: once a recharge is seen as settled, its money is seen on the balance.
    if Recharge.objects.of(rule.account).filter(is_automatic=True, state__in=Recharge.OPEN).exists():
        return False
    balance = Balance.objects.filter(account=rule.account).values_list("amount", flat=True).first()
    return (balance or _ZERO) < rule.threshold


def _periods(rule: AutoRecharge, now: datetime) -> tuple[recharge_rules.Period, ...]:
    return recharge_rules.periods(now, rule.account.time_zone)


def spent_by(account: Account, *, now: datetime) -> dict[str, Decimal]:
    """Return what auto-recharge charged or is about to charge in the day, week and month of the account."""
    found = recharge_rules.periods(now, account.time_zone)
    counted = ~Q(state__in=[Recharge.State.FAILED, Recharge.State.CANCELED])
    rows = Recharge.objects.of(account).filter(counted, is_automatic=True)
    rows = rows.filter(made_at__gte=min(period.starts_at for period in found))
    sums = {each.name: Sum("amount", filter=Q(made_at__gte=each.starts_at)) for each in found}
    return {name: amount or _NOTHING for name, amount in rows.aggregate(**sums).items()}


def _begin(rule: AutoRecharge, card: Card, now: datetime) -> int:
    row: Recharge = Recharge.objects.create(
        account=rule.account, amount=rule.amount, card=card, is_automatic=True, made_at=now, check_at=now
    )
    facts: dict[str, Any] = {"amount": str(row.amount), "card": str(card), "automatic": True}
    record(EventKind.RECHARGE_ASKED, actor=Actor.system(rule.account), target=row, at=now, **facts)
    since = now - recharge_rules.BRAKE_WINDOW
    made = Recharge.objects.of(rule.account).filter(is_automatic=True, made_at__gte=since)
    if rule.brake_from is not None:
        made = made.filter(made_at__gt=rule.brake_from)
    if recharge_rules.brakes(list(made.values_list("made_at", flat=True)), now):
        _pause(rule, Pause.BRAKE, Actor.system(rule.account), now)
    return row.pk


def _default_card(account: Account) -> Card | None:
    return Card.objects.of(account).filter(is_default=True, removed_at=None).first()


def _locked(account: Account) -> AutoRecharge | None:
    return AutoRecharge.objects.of(account).select_for_update().first()


def _pause(rule: AutoRecharge, reason: str, actor: Actor, now: datetime) -> None:
    rule.paused_at, rule.pause_reason = now, reason
    rule.save(update_fields=["paused_at", "pause_reason"])
    facts: dict[str, Any] = {"reason": reason}
    record(EventKind.AUTO_RECHARGE_PAUSED, actor=actor, target=rule, account=rule.account, at=now, **facts)


def _rest(rule: AutoRecharge, reason: str, until: datetime, now: datetime) -> None:
    rule.rests_until, rule.rest_reason = until, reason
    rule.save(update_fields=["rests_until", "rest_reason"])
    facts: dict[str, Any] = {"reason": reason, "until": until.isoformat()}
    record(EventKind.AUTO_RECHARGE_RESTED, actor=Actor.system(rule.account), target=rule, at=now, **facts)
