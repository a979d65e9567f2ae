"""Tell owner and admins what became of subaccounts, and when one is near its limit or at it."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.module_loading import import_string

from console.core.events import EventKind, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from subaccounts.limit_rules import alert_amount, next_month
from subaccounts.models import Subaccount


@subscriber(EventKind.SUBACCOUNT_CREATED)
def mail_subaccount_created(event: AuditEvent) -> None:
    """Tell that there is a subaccount with a token of its own."""
    _mail(event, "created", key=_key_of_deed(event))


@subscriber(EventKind.SUBACCOUNT_ENABLED, EventKind.SUBACCOUNT_DISABLED)
def mail_subaccount_switched(event: AuditEvent) -> None:
    """Tell that a subaccount may call, or may not any more."""
    is_enabled = event.kind == EventKind.SUBACCOUNT_ENABLED
    _mail(event, "switched", key=_key_of_deed(event), is_enabled=is_enabled)


@subscriber(EventKind.SUBACCOUNT_DELETED)
def mail_subaccount_deleted(event: AuditEvent) -> None:
    """Tell that a subaccount is gone, and what became of what it owned."""
    counts = {plural: number for plural, number in event.data["counts"].items() if number}
    _mail(event, "deleted", key=_key_of_deed(event), counts=counts, is_cascading=event.data["cascade"])


@subscriber(EventKind.SUBACCOUNT_LIMIT_CHANGED)
def mail_limit_changed(event: AuditEvent) -> None:
    """Tell that a subaccount may spend more or less."""
    before, after = (_limit(event.data[name]) for name in ("before", "after"))
    _mail(event, "limit_changed", key=f"event:{event.public_id}", before=before, after=after)


@subscriber(EventKind.SUBACCOUNT_LIMIT_NEARING, EventKind.SUBACCOUNT_LIMIT_REACHED)
def mail_limit_reached(event: AuditEvent) -> None:
    """Tell, once for each mark of a month, that it is reached."""
    found = event.data
    month = date.fromisoformat(found["month"])
    is_alert = event.kind == EventKind.SUBACCOUNT_LIMIT_NEARING
    mark = found["alert_percent"] if is_alert else 100
    more = _limit(found) | {"spent": Decimal(found["spent"]), "month": month, "again": next_month(month)}
    key = f"spend:{event.target_id}:{month}:{found['amount']}:{mark}:{found['stop']}"
    _mail(event, "limit_nearing" if is_alert else "limit_reached", key=key, **more)


def _limit(facts: dict[str, Any] | None) -> dict[str, Any]:
    if facts is None:
        return {}
    amount, percent = Decimal(facts["amount"]), facts["alert_percent"]
    alert = alert_amount(amount, percent) if percent else None
    return {"amount": amount, "percent": percent, "alert": alert, "is_hard": facts["stop"] == "hard"}


def _key_of_deed(event: AuditEvent) -> str:
    """Name the mail: each deed of a person has its own, those of a program share one an hour."""
    if event.actor_kind != "api":
        return f"event:{event.public_id}"
    return f"{event.kind}:{event.account_id}:{event.at:%Y%m%d%H}"


def _mail(event: AuditEvent, name: str, *, key: str, **more: Any) -> None:
    """Tell everybody who answers for the account."""
    subaccount = Subaccount.unscoped.select_related("account").get(pk=int(event.target_id))
    account = subaccount.account
    facts = [("Subaccount", f"{event.data['name']}, {subaccount.auth_id}")]
    facts += [("Account", f"{account.name}, {account.auth_id}")]
    facts += [("By", event.actor_label)] if event.actor_label else []
    facts += [("By", "A program, over the API")] if event.actor_kind == "api" else []
    facts += [("From", event.ip)] if event.ip else []
    context = {"account": account, "name": event.data["name"], "event": event, "facts": facts, **more}
    context |= {"is_by_program": event.actor_kind == "api"}
    context |= _button(subaccount)
    for person in import_string(settings.ACCOUNT_CONTACTS)(account):
        queue_mail(f"subaccounts/{name}", to=person.email, key=f"{key}:{person.pk}", context=context)


def _button(subaccount: Subaccount) -> dict[str, str]:
    parts = {"account": subaccount.account.auth_id}
    route, label = "subaccounts:subaccount_list", "Open Subaccounts"
    if subaccount.deleted_at is None:
        parts |= {"subaccount": subaccount.auth_id}
        route, label = "subaccounts:subaccount", f"Open {subaccount.name}"
    return {"button_url": settings.BASE_URL + reverse(route, kwargs=parts), "button_label": label}
