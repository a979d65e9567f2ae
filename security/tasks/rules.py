"""Tell members what their account asks of their second factors, in time."""

from celery import shared_task
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from console.core.events import EventKind, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from security import queries
from security.services import factor_policy
from security.sign_in_rules import rule_of
from teams.queries import contacts_of


@shared_task(name="security.remind_factors")
def remind_factors() -> None:
    """Remind the members that lack what their account asks for, three days and a day before it counts."""
    factor_policy.remind_due(now=timezone.now())


@subscriber(EventKind.FACTOR_POLICY_SET, EventKind.FACTOR_POLICY_REMINDED)
def mail_factor_rule(event: AuditEvent) -> None:
    """Tell each member who has neither an app nor a passkey from when on one is needed."""
    account = Account.objects.get(pk=event.account_id or 0)
    rule = rule_of(account)
    if rule is None:
        return
    url = settings.BASE_URL + reverse("security:factor_list", kwargs={"account": account.auth_id})
    context = {
        "account": account,
        "rule": rule,
        "is_enforced": rule.is_enforced(timezone.now()),
        "is_reminder": event.kind == EventKind.FACTOR_POLICY_REMINDED,
        "facts": [("Account", f"{account.name}, {account.auth_id}")],
        "button_url": url,
        "button_label": "Add one now",
    }
    lacking = queries.members_with_factors(account).filter(has_app=False, has_passkey=False)
    for row in lacking.filter(user__is_active=True):
        key = f"event:{event.public_id}:{row.user_id}"
        queue_mail("security/factor_rule", to=row.user.email, key=key, context=context)


@subscriber(EventKind.FACTOR_POLICY_SET, EventKind.FACTOR_POLICY_LIFTED)
def mail_factor_rule_changed(event: AuditEvent) -> None:
    """Tell owner and admins that the rule for second factors was changed, and by whom."""
    account = Account.objects.get(pk=event.account_id or 0)
    url = settings.BASE_URL + reverse("security:sign_in_rules", kwargs={"account": account.auth_id})
    facts = [("Account", f"{account.name}, {account.auth_id}"), ("By", event.actor_label)]
    context = {
        "account": account,
        "is_required": event.kind == EventKind.FACTOR_POLICY_SET,
        "rule": rule_of(account),
        "facts": [*facts, ("From", event.ip or "unknown")],
        "button_url": url,
        "button_label": "Open the sign-in rules",
    }
    for person in contacts_of(account):
        key = f"event:{event.public_id}:rule:{person.pk}"
        queue_mail("security/factor_rule_changed", to=person.email, key=key, context=context)
