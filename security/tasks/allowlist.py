"""Carry the IP allowlist: mails, and the way back."""

from celery import shared_task
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from console.core.events import EventKind, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from security.services import allowlist
from teams.queries import contacts_of

_ALLOWLIST_MAILS: dict[str, str] = {
    EventKind.ALLOWLIST_APPROVED: "allowlist_approved",
    EventKind.ALLOWLIST_DECLINED: "allowlist_declined",
    EventKind.ALLOWLIST_REVERTED: "allowlist_reverted",
}


@shared_task(name="security.revert_allowlists")
def revert_allowlists() -> None:
    """Put allowlists back to report only that nobody confirmed in time."""
    allowlist.revert_due(now=timezone.now())


@subscriber(
    EventKind.ALLOWLIST_APPROVED,
    EventKind.ALLOWLIST_DECLINED,
    EventKind.ALLOWLIST_MODE_CHANGED,
    EventKind.ALLOWLIST_REVERTED,
)
def mail_allowlist(event: AuditEvent) -> None:
    """Tell owner and admins what was decided about the IP allowlist, or that it refuses calls, or does not."""
    account = Account.objects.get(pk=event.account_id or 0)
    name = _ALLOWLIST_MAILS.get(event.kind, "") or _mode_mail(event)
    if not name:
        return
    url = settings.BASE_URL + reverse("security:allowlist", kwargs={"account": account.auth_id})
    facts = [("Account", f"{account.name}, {account.auth_id}")]
    # Staff act for the provider: the customer is told what was decided, not by whom.
    facts += [("By", event.actor_label), ("From", event.ip or "")] if event.actor_kind == "user" else []
    context = {"account": account, "event": event, "facts": facts, "note": event.data.get("note", "")}
    context |= {
        "minutes": settings.CONSOLE_ALLOWLIST_CONFIRM_MINUTES,
        "button_url": url,
        "button_label": "Open IP Whitelisting",
    }
    for person in contacts_of(account):
        key = f"event:{event.public_id}:{person.pk}"
        queue_mail(f"security/{name}", to=person.email, key=key, context=context)


def _mode_mail(event: AuditEvent) -> str:
    if event.data["after"] == "enforcing":
        return "allowlist_enforcing"
    # Between off and report only nothing changes for callers.
    return "allowlist_relaxed" if event.data["before"] == "enforcing" else ""
