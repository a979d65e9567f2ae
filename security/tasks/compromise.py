"""Mail about lock-downs and about what is unusual, and watch sign-ins."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, User
from accounts.services.links import address_of
from accounts.services.not_me import make_not_me_link
from console.core.events import EventKind, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from security.models import Anomaly
from security.services import anomalies
from security.tasks.mails import mail_about
from teams.queries import contacts_of


@subscriber(EventKind.ACCOUNT_LOCKED_DOWN)
def mail_locked_down(event: AuditEvent) -> None:
    """Tell owner and admins, and the provider's support, that the account is locked down."""
    account = Account.objects.get(pk=event.account_id or 0)
    context = _context(event, account) | {
        "counts": event.data["counts"],
        "button_url": _address("way_back", account),
        "button_label": "Open the way back",
    }
    for person in contacts_of(account):
        key = f"event:{event.public_id}:{person.pk}"
        queue_mail("security/locked_down", to=person.email, key=key, context=context)
    staff = context | {"button_url": f"{settings.BASE_URL}{_queue()}", "button_label": "Open the queue"}
    key = f"event:{event.public_id}:support"
    queue_mail("security/locked_down_staff", to=settings.SUPPORT_EMAIL, key=key, context=staff)


@subscriber(EventKind.ACCOUNT_REOPENED)
def mail_reopened(event: AuditEvent) -> None:
    """Tell owner and admins that the lock-down is over."""
    account = Account.objects.get(pk=event.account_id or 0)
    context = _context(event, account) | {
        "button_url": _address("compromise", account),
        "button_label": "Open Security",
    }
    for person in contacts_of(account):
        key = f"event:{event.public_id}:{person.pk}"
        queue_mail("security/reopened", to=person.email, key=key, context=context)


@subscriber(EventKind.MEMBER_SIGNED_OUT)
def mail_member_signed_out(event: AuditEvent) -> None:
    """Tell a member that an owner or admin ended their sessions."""
    member = User.objects.filter(pk=event.target_id).first()
    if member is None or member.pk == event.user_id:
        return
    account = Account.objects.get(pk=event.account_id or 0)
    context = _context(event, account) | {
        "must_reverify": event.data.get("must_reverify", False),
        "button_url": settings.BASE_URL + reverse("accounts:sign_in"),
        "button_label": "Sign in",
    }
    queue_mail("security/member_signed_out", to=member.email, key=f"event:{event.public_id}", context=context)


@subscriber(EventKind.REVERIFIED)
def mail_reverified(event: AuditEvent) -> None:
    """Tell the person that the sign-in after the lock-down went through."""
    mail_about(event, "reverified", method=event.data["method"])


@subscriber(EventKind.SIGN_IN_COMPLETED)
def watch_sign_in(event: AuditEvent) -> None:
    """Look whether the sign-in came from a country that is new to the person."""
    anomalies.watch_sign_in(event)


@subscriber(EventKind.ANOMALY_NOTED)
def mail_anomaly(event: AuditEvent) -> None:
    """Tell owner, admins and the person it is about; once to each address, however many accounts it is in."""
    row = Anomaly.unscoped.select_related("account", "user").filter(pk=event.target_id).first()
    if row is None:
        return
    context = {
        "anomaly": row,
        "facts": _anomaly_facts(row),
        "account": row.account,
        "button_url": _address("compromise", row.account),
        "button_label": "Look at the account",
    }
    contacts = contacts_of(row.account)
    for person in contacts:
        _mail_anomaly(row, person, context | {"is_contact": True})
    if row.user and row.user not in contacts:
        link = make_not_me_link(user=row.user, device=None, now=timezone.now())
        url = address_of(link, route="accounts:not_me_open")
        _mail_anomaly(row, row.user, context | {"button_url": url, "button_label": "This wasn\u2019t me"})


def _mail_anomaly(row: Anomaly, person: User, context: dict[str, Any]) -> None:
    key = f"anomaly:{row.kind}:{row.subject}:{row.day}:{person.pk}"[:120]
    own = {"is_own": row.user_id == person.pk}
    queue_mail("security/anomaly", to=person.email, key=key, context=context | own)


def _anomaly_facts(row: Anomaly) -> list[tuple[str, str]]:
    labels = {
        "who": "Person",
        "place": "Place",
        "ip": "Address",
        "spent": "Spent in the hour",
        "usual": "Usually",
        "country": "Country",
    }
    found = [(label, str(row.facts[name])) for name, label in labels.items() if row.facts.get(name)]
    return [*found, ("Account", f"{row.account.name}, {row.account.auth_id}")]


def _context(event: AuditEvent, account: Account) -> dict[str, Any]:
    facts = [
        ("Account", f"{account.name}, {account.auth_id}"),
        ("By", event.actor_label),
        ("Time", f"{event.at:%a} {event.at.day} {event.at:%b %Y, %H:%M} UTC"),
        ("From", event.ip or "unknown"),
    ]
    return {"account": account, "event": event, "facts": facts}


def _address(route: str, account: Account) -> str:
    return settings.BASE_URL + reverse(f"security:{route}", kwargs={"account": account.auth_id})


def _queue() -> str:
    return reverse("admin:security_lockdown_changelist")
