"""Renew rentals, and write about numbers."""

from typing import Any

from celery import shared_task
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date

from accounts.models import Account
from console.core.events import EventKind, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from console.core.templatetags.ui import money
from subaccounts.queries.countries import written
from subaccounts.services import renewals
from teams.queries import contacts_of

_MAILS: dict[str, str] = {
    EventKind.NUMBERS_OVERDUE: "numbers_overdue",
    EventKind.NUMBERS_ENDING: "numbers_ending",
    EventKind.NUMBERS_LOST: "numbers_lost",
}


@shared_task(name="subaccounts.renew_numbers")
def renew_numbers() -> None:
    """Renew the rentals that are due."""
    renewals.renew_due(now=timezone.now())


@subscriber(EventKind.NUMBER_RENTED)
def mail_number_rented(event: AuditEvent) -> None:
    """Tell owner and admins what was rented, and what it costs."""
    context = {
        "number": written(event.target_label.removeprefix("+")),
        "amount": money(event.data["amount"]),
        "monthly": money(event.data["monthly_amount"]),
        "renewal_date": _day(event.data["renewal_date"]),
    }
    _mail(event, "number_rented", context)


@subscriber(EventKind.NUMBER_RELEASED)
def mail_number_released(event: AuditEvent) -> None:
    """Tell owner and admins what was given back."""
    number = written(event.target_label.removeprefix("+"))
    _mail(event, "number_released", {"number": number})


@subscriber(EventKind.NUMBERS_OVERDUE, EventKind.NUMBERS_ENDING, EventKind.NUMBERS_LOST)
def mail_numbers_unpaid(event: AuditEvent) -> None:
    """Tell owner and admins of rent that is not paid, and what becomes of the numbers."""
    count, named = event.data["count"], event.data["numbers"]
    more = f" and {count - len(named)} more" if count > len(named) else ""
    context = {
        "words": "1 number" if count == 1 else f"{count} numbers",
        "numbers": ", ".join(written(number.removeprefix("+")) for number in named) + more,
        "owed": money(event.data["owed"]),
        "ends_on": _day(event.data["ends_on"]),
    }
    _mail(event, _MAILS[event.kind], context)


def _mail(event: AuditEvent, name: str, context: dict[str, Any]) -> None:
    account = Account.objects.get(pk=event.account_id or 0)
    facts = [("Account", f"{account.name}, {account.auth_id}")]
    facts += [("By", event.actor_label), ("From", event.ip or "")] if event.actor_kind == "user" else []
    context |= {
        "account": account,
        "facts": facts,
        "rest_days": settings.CONSOLE_NUMBER_REST_DAYS,
        "button_url": settings.BASE_URL
        + reverse("subaccounts:number_list", kwargs={"account": account.auth_id}),
        "button_label": "Open your numbers",
    }
    for person in contacts_of(account):
        key = f"event:{event.public_id}:{person.pk}"
        queue_mail(f"subaccounts/{name}", to=person.email, key=key, context=context)


def _day(text: str) -> str:
    day = parse_date(text)
    return f"{day:%-d %B %Y}" if day else text
