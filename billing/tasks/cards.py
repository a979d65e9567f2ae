"""Bring recharges to their end, act on what Stripe told, and mail receipts."""

from datetime import datetime, timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from billing import gateway
from billing.models import AutoRecharge, Card, Recharge, StripeEvent
from billing.services import auto_recharge, cards, recharge, stripe_events
from console.core.events import EventKind, send_tasks, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from console.core.templatetags.ui import money
from teams.queries import contacts_of

_BATCH = 200
_FORGET_WITHIN = timedelta(minutes=1)


@shared_task(name="billing.drive_recharge")
def drive_recharge(*, recharge_id: int, **_later: object) -> None:
    """Bring one recharge a step further."""
    recharge.drive_recharge(recharge_id=recharge_id, now=timezone.now())


@shared_task(name="billing.recharge_if_low")
def recharge_if_low(*, rule_id: int, **_later: object) -> None:
    """Recharge one account by itself, if its balance is low and nothing speaks against it."""
    now = timezone.now()
    begun = auto_recharge.recharge_if_low(rule_id=rule_id, now=now)
    if begun is not None:
        recharge.drive_recharge(recharge_id=begun, now=now)


@shared_task(name="billing.handle_stripe_event")
def handle_stripe_event(*, event_id: int, **_later: object) -> None:
    """Act on one event of Stripe's."""
    stripe_events.handle_stripe_event(event_id=event_id, now=timezone.now())


@shared_task(name="billing.forget_card")
def forget_card(*, card_id: int, **_later: object) -> None:
    """Take a removed card from the customer at Stripe."""
    try:
        cards.forget_card(card_id=card_id, now=timezone.now())
    except (gateway.GatewayDown, gateway.GatewayOff):
        return  # the sweep comes back to it


@shared_task(name="billing.drive_recharges")
def drive_recharges() -> None:
    """Publish again what is due: a worker may have died between Stripe's answer and the commit."""
    now = timezone.now()
    low = auto_recharge.low_rules(now=now, limit=_BATCH)
    send_tasks(("billing.recharge_if_low", {"rule_id": pk}) for pk in low)
    due = Recharge.unscoped.filter(check_at__lte=now).order_by("check_at")[:_BATCH]
    send_tasks(("billing.drive_recharge", {"recharge_id": row.pk}) for row in due)
    events = StripeEvent.overdue(now=now, limit=_BATCH)
    send_tasks(("billing.handle_stripe_event", {"event_id": row.pk}) for row in events)
    gone = Card.unscoped.filter(removed_at__lt=now - _FORGET_WITHIN, forgotten_at=None)[:_BATCH]
    send_tasks(("billing.forget_card", {"card_id": row.pk}) for row in gone)


@shared_task(name="billing.forget_stripe_events")
def forget_stripe_events() -> None:
    """Delete events that are long handled."""
    stripe_events.forget_stripe_events(now=timezone.now())


@subscriber(EventKind.RECHARGE_SUCCEEDED)
def mail_receipt(event: AuditEvent) -> None:
    """Send the receipt to those who answer for the account."""
    _mail("receipt", event, balance=money(event.data["balance"]))


@subscriber(EventKind.RECHARGE_FAILED)
def mail_recharge_failed(event: AuditEvent) -> None:
    """Say that no money came in, and why."""
    _mail("recharge_failed", event)


@subscriber(EventKind.AUTO_RECHARGE_PAUSED, EventKind.AUTO_RECHARGE_RESTED)
def mail_auto_recharge_stopped(event: AuditEvent) -> None:
    """Say that auto-recharge stopped, why, and what lets it go on."""
    rule = AutoRecharge.unscoped.select_related("account").get(pk=event.target_id)
    account, until = rule.account, event.data.get("until", "")
    page = reverse("billing:payments", kwargs={"account": account.auth_id})
    context = {
        "account": account,
        "reason": event.data["reason"],
        "until": datetime.fromisoformat(until) if until else None,
        "facts": [("Account", f"{account.name}, {account.auth_id}"), ("Rule", rule.audit_label)],
        "button_url": settings.BASE_URL + page,
        "button_label": "Open Payment Settings",
    }
    for person in contacts_of(account):
        key = f"event:{event.public_id}:{person.pk}"
        more = {"person": person}
        queue_mail("billing/auto_recharge_stopped", to=person.email, key=key, context=context | more)


def _mail(name: str, event: AuditEvent, **more: Any) -> None:
    row = Recharge.unscoped.select_related("account", "card").get(pk=event.target_id)
    account = row.account
    facts = [
        ("Account", f"{account.name}, {account.auth_id}"),
        ("Card", str(row.card) if row.card else "Removed"),
        ("Reference", str(row.public_id)),
    ]
    context = {
        "account": account,
        "recharge": row,
        "amount": money(row.amount),
        "facts": facts,
        "button_url": settings.BASE_URL + reverse("billing:statement", kwargs={"account": account.auth_id}),
        "button_label": "Open the statement",
        **more,
    }
    for person in contacts_of(account):
        key = f"event:{event.public_id}:{person.pk}"
        queue_mail(f"billing/{name}", to=person.email, key=key, context={**context, "person": person})
