"""Mail what happens to balances, and look again at those that moved."""

from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from celery import shared_task
from django.conf import settings
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, User
from billing.links import confirm_url, stop_url
from billing.models import AlertRecipient, BalanceAlert
from billing.models.alerts import plain_dollars
from billing.queries import alerts as queries
from billing.services import alert_sweep
from console.core.events import EventKind, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from console.core.templatetags.ui import money

_TEMPLATES: dict[str, str] = {
    BalanceAlert.Kind.FELL: "balance_alert",
    BalanceAlert.Kind.RECOVERED: "balance_recovered",
}


@shared_task(name="billing.sweep_alerts")
def sweep_alerts() -> None:
    """Put right what a movement missed, and mark addresses that bounce."""
    now = timezone.now()
    alert_sweep.sweep_alerts(now=now)
    alert_sweep.mark_bounces(now=now)


@subscriber(EventKind.BALANCE_ALERT_FIRED, EventKind.BALANCE_ALERT_RECOVERED)
def mail_balance_alert(event: AuditEvent) -> None:
    """Tell the owner, the Financial Analysts and the confirmed addresses, each once."""
    alert = BalanceAlert.unscoped.select_related("account").get(pk=event.target_id)
    template, context = f"billing/{_TEMPLATES[alert.kind]}", _context(alert)
    sent = set()
    for member in queries.told_members(alert.account):
        key = f"event:{event.public_id}:{member.user_id}"
        queue_mail(template, to=member.user.email, key=key, context=context)
        sent.add(member.user.email.lower())
    for recipient in queries.told_recipients(alert.account):
        if recipient.email.lower() not in sent:
            _mail_recipient(template, recipient, event, context)
            sent.add(recipient.email.lower())
    BalanceAlert.unscoped.filter(pk=alert.pk).update(mails=F("mails") + len(sent))


@subscriber(EventKind.BALANCE_ALERT_ADDRESS_ADDED, EventKind.BALANCE_ALERT_LINK_SENT)
def mail_alert_link(event: AuditEvent) -> None:
    """Mail an address the link that confirms it; one that was removed meanwhile hears nothing."""
    recipient = AlertRecipient.unscoped.select_related("account").filter(pk=event.target_id).first()
    if recipient is None:
        return
    context = {
        "account": recipient.account,
        "hours": settings.CONSOLE_ALERT_LINK_HOURS,
        "button_url": confirm_url(recipient),
        "button_label": "Get balance alerts",
    }
    key = f"event:{event.public_id}"
    mail = queue_mail("billing/alert_confirm", to=recipient.email, key=key, context=context)
    AlertRecipient.unscoped.filter(pk=recipient.pk).update(mail=mail)


@subscriber(EventKind.BALANCE_ALERT_TESTED)
def mail_alert_test(event: AuditEvent) -> None:
    """Send the test to the person who asked for it."""
    alert = BalanceAlert.unscoped.select_related("account").get(pk=event.target_id)
    person = User.objects.get(pk=event.data["person"])
    context = _context(alert)
    queue_mail("billing/balance_test", to=person.email, key=f"event:{event.public_id}", context=context)
    BalanceAlert.unscoped.filter(pk=alert.pk).update(mails=1)


def _mail_recipient(
    template: str, recipient: AlertRecipient, event: AuditEvent, context: dict[str, Any]
) -> None:
    key, url = f"event:{event.public_id}:r{recipient.pk}", stop_url(recipient)
    # Mail programs show a button of their own that posts to the link.
    headers = {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    own = {**context, "stop_url": url, "email": recipient.email}
    mail = queue_mail(template, to=recipient.email, key=key, context=own, headers=headers)
    AlertRecipient.unscoped.filter(pk=recipient.pk).update(mail=mail)


def _context(alert: BalanceAlert) -> dict[str, Any]:
    account = alert.account
    local = timezone.localtime(alert.at, ZoneInfo(account.time_zone))
    runway = queries.runway_of(account, today=local.date(), balance=alert.balance)
    below = alert.balance if alert.amount is None else alert.amount
    rows = queries.amounts_of(account, runway, today=local.date())
    lower = [row.amount for row in rows if row.amount < below]
    return {
        "account": account,
        "amount": plain_dollars(below),
        "balance": money(alert.balance),
        "runway": runway,
        "pace": money(runway.pace),
        "next_amount": plain_dollars(lower[0]) if lower else "",
        "armed_above": plain_dollars(below * alert_sweep.ABOVE),
        "sent_at": f"{local:%a %-d %B %Y, %H:%M}",
        "facts": [*_stops(runway, lower, local.date()), ("Account", f"{account.name}, {account.auth_id}")],
        "button_url": _url("statement", account),
        "button_label": "Open the statement",
        "alerts_url": _url("alerts", account),
    }


def _url(name: str, account: Account) -> str:
    return settings.BASE_URL + reverse(f"billing:{name}", kwargs={"account": account.auth_id})


def _stops(runway: queries.Runway, amounts: list[Decimal], today: date) -> list[tuple[str, str]]:
    """Say when the balance comes down to each lower amount, and to nothing."""
    stops = [(f"Reaches {plain_dollars(amount)}", runway.reaches(amount, today=today)) for amount in amounts]
    stops.append(("Empty", runway.reaches(queries.ZERO, today=today)))
    return [(label, f"about {day:%a %-d %B}") for label, day in stops if day]
