"""Sweep what nobody confirmed."""

from celery import shared_task
from django.utils import timezone

from security import queries
from security.models import AuthenticatorDevice, HeldAct, HeldFile, PasskeyChallenge, PhoneChange
from security.services.step_up import KEPT_FOR


@shared_task(name="security.sweep_expired")
def sweep_expired() -> None:
    """Delete held acts, open questions, unconfirmed apps and new numbers whose time is over."""
    now = timezone.now()
    PhoneChange.objects.filter(expires_at__lt=now).delete()
    HeldFile.objects.filter(act__expires_at__lt=now).delete()
    HeldAct.objects.filter(expires_at__lt=now - KEPT_FOR).delete()
    PasskeyChallenge.objects.filter(expires_at__lt=now).delete()
    AuthenticatorDevice.objects.filter(confirmed=False, created_at__lt=now - queries.PENDING_FOR).delete()
