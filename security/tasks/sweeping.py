"""Sweep what nobody confirmed."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from security import queries
from security.models import ApiCaller, AuthenticatorDevice, HeldAct, PhoneChange


@shared_task(name="security.sweep_expired")
def sweep_expired() -> None:
    """Delete held acts, unconfirmed apps and new numbers whose time is over, and old callers."""
    now = timezone.now()
    PhoneChange.objects.filter(expires_at__lt=now).delete()
    HeldAct.objects.filter(expires_at__lt=now).delete()
    oldest = now.date() - timedelta(days=settings.CONSOLE_CALLER_DAYS)
    ApiCaller.unscoped.filter(day__lt=oldest).delete()
    AuthenticatorDevice.objects.filter(confirmed=False, created_at__lt=now - queries.PENDING_FOR).delete()
