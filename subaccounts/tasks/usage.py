"""Keep the months of the usage log, and its sums when an account moves to another time zone."""

from celery import shared_task
from django.utils import timezone

from console.core.events import EventKind, subscriber
from console.core.models import AuditEvent
from subaccounts.services import usage, usage_months


@shared_task(name="subaccounts.keep_usage_months")
def keep_usage_months() -> None:
    """Open the months to come, and let go of what is too old."""
    now = timezone.now()
    usage_months.open_months(now=now)
    usage_months.drop_months(now=now)
    usage_months.trim_edge(now=now)
    usage_months.trim_sums(now=now)


@subscriber(EventKind.ACCOUNT_UPDATED)
def cut_usage_days(event: AuditEvent) -> None:
    """Sum the usage of the account by the days of its new time zone."""
    if event.account_id is not None and "time_zone" in event.data.get("after", {}):
        usage.cut_days_again(account_id=event.account_id, now=timezone.now())
