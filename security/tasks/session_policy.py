"""Tell the owner and the admins that the rule for sessions changed."""

from django.conf import settings
from django.urls import reverse

from accounts.models import Account
from console.core.events import EventKind, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from teams.queries import contacts_of


@subscriber(EventKind.SESSION_POLICY_CHANGED)
def mail_session_policy(event: AuditEvent) -> None:
    """Say what the rule is now, and who changed it from where."""
    account = Account.objects.get(pk=event.account_id or 0)
    after = event.data["after"]
    idle = after["idle_minutes"] or settings.CONSOLE_SESSION_IDLE_MINUTES
    hours = after["hours"] or settings.CONSOLE_SESSION_HOURS
    facts = [
        ("Account", f"{account.name}, {account.auth_id}"),
        ("By", event.actor_label),
        ("From", event.ip or "unknown"),
    ]
    context = {
        "account": account,
        "idle_minutes": idle,
        "hours": hours,
        "facts": facts,
        "button_label": "Open the rules",
        "button_url": settings.BASE_URL
        + reverse("security:sign_in_rules", kwargs={"account": account.auth_id}),
    }
    for person in contacts_of(account):
        key = f"event:{event.public_id}:{person.pk}"
        queue_mail("security/session_policy", to=person.email, key=key, context=context)
