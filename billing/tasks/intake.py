"""Forget what can not be reported again."""

from celery import shared_task
from django.utils import timezone

from billing import services


@shared_task(name="billing.forget_taken")
def forget_taken() -> None:
    """Delete the ids of events that are too old to come again."""
    services.forget_taken(now=timezone.now())
