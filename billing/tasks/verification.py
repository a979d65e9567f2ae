"""Prove every night that the ledger adds up."""

from celery import shared_task
from django.utils import timezone

from billing import services


@shared_task(name="billing.verify_ledger")
def verify_ledger() -> None:
    """Compare every balance with its ledger, once a day."""
    services.verify_if_due(now=timezone.now())
