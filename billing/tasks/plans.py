"""Tell about plans that end."""

from celery import shared_task
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from billing import services
from billing.models import Plan
from console.core.events import EventKind, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from teams.queries import people_of

_PLAN_MAILS: dict[str, str] = {
    EventKind.PLAN_ENDED: "plan_ended",
    EventKind.PLAN_GRACE_ENDING: "plan_grace_ending",
    EventKind.PLAN_GRACE_ENDED: "plan_grace_ended",
}


@shared_task(name="billing.sweep_plans")
def sweep_plans() -> None:
    """Tell about plans that ended."""
    services.sweep_plans(now=timezone.now())


@subscriber(EventKind.PLAN_ENDED, EventKind.PLAN_GRACE_ENDING, EventKind.PLAN_GRACE_ENDED)
def mail_plan(event: AuditEvent) -> None:
    """Tell owner and members what the end of the plan means for them."""
    plan = Plan.unscoped.select_related("account").get(pk=event.target_id)
    account = plan.account
    url = settings.BASE_URL + reverse("teams:member_list", kwargs={"account": account.auth_id})
    for person in people_of(account):
        context = {
            "account": account,
            "person": person,
            "is_owner": person.pk == account.opened_by_id,
            "closes_at": event.data["closes_at"][:10],
            "days": settings.CONSOLE_GRACE_DAYS,
            "facts": [("Account", f"{account.name}, {account.auth_id}")],
            "button_url": url,
            "button_label": "Open the Team page",
        }
        key = f"event:{event.public_id}:{person.pk}"
        queue_mail(f"billing/{_PLAN_MAILS[event.kind]}", to=person.email, key=key, context=context)
