"""Write about sender IDs, to staff and to customers."""

from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts.models import Account, User
from console.core.events import EventKind, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from subaccounts.models import SenderId
from subaccounts.queries.countries import country_name
from teams.queries import contacts_of, people_of


@subscriber(EventKind.SENDER_ID_REQUESTED)
def mail_sender_id_requested(event: AuditEvent) -> None:
    """Tell the provider's support that a name waits."""
    account = Account.objects.get(pk=event.account_id or 0)
    context = _context(event, account) | {
        "purpose": event.data["purpose"],
        "button_url": settings.BASE_URL + reverse("admin:subaccounts_senderid_changelist"),
        "button_label": "Open the queue",
    }
    key = f"event:{event.public_id}:support"
    queue_mail("subaccounts/sender_id_requested", to=settings.SUPPORT_EMAIL, key=key, context=context)


@subscriber(EventKind.SENDER_ID_APPROVED, EventKind.SENDER_ID_DECLINED)
def mail_sender_id_decided(event: AuditEvent) -> None:
    """Tell whoever asked, the owner and the admins what was decided."""
    account = Account.objects.get(pk=event.account_id or 0)
    name = event.kind.removeprefix("sender-id:")
    context = _context(event, account) | {
        "note": event.data["note"],
        "button_url": settings.BASE_URL
        + reverse("subaccounts:sender_id_list", kwargs={"account": account.auth_id}),
        "button_label": "Open sender IDs",
    }
    for person in _readers(event, account):
        key = f"event:{event.public_id}:{person.pk}"
        queue_mail(f"subaccounts/sender_id_{name}", to=person.email, key=key, context=context)


def _context(event: AuditEvent, account: Account) -> dict[str, Any]:
    return {
        "account": account,
        "sender": event.target_label.rpartition(" (")[0],
        "country": country_name(event.data["country"]),
        "facts": [("Account", f"{account.name}, {account.auth_id}")],
    }


def _readers(event: AuditEvent, account: Account) -> list[User]:
    row = SenderId.unscoped.filter(pk=event.target_id).first()
    asked = row.requested_by_id if row else None
    contacts = contacts_of(account)
    known = {person.pk for person in contacts}
    # Whoever asked hears of it only while they belong to the team.
    return contacts + [
        person for person in people_of(account) if person.pk == asked and person.pk not in known
    ]
