"""Sweep what nobody confirmed."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from accounts.models import Session
from security import queries
from security.models import (
    Anomaly,
    AuthenticatorDevice,
    HeldAct,
    HeldFile,
    MailCode,
    PasskeyChallenge,
    PhoneChange,
    RecoveryRequest,
    SsoAssertion,
    SsoRequest,
    SsoSession,
)
from security.services.step_up import KEPT_FOR

_MAIL_CODES_KEPT, _ANOMALIES_KEPT = timedelta(days=7), timedelta(days=365)
_RECOVERIES_KEPT, _ANSWERS_KEPT = timedelta(days=365), timedelta(minutes=5)


@shared_task(name="security.sweep_expired")
def sweep_expired() -> None:
    """Delete held acts, open questions, codes, unconfirmed apps and unusual things whose time is over."""
    now = timezone.now()
    PhoneChange.objects.filter(expires_at__lt=now).delete()
    MailCode.objects.filter(expires_at__lt=now - _MAIL_CODES_KEPT).delete()
    Anomaly.unscoped.filter(noted_at__lt=now - _ANOMALIES_KEPT).delete()
    HeldFile.objects.filter(act__expires_at__lt=now).delete()
    HeldAct.objects.filter(expires_at__lt=now - KEPT_FOR).delete()
    PasskeyChallenge.objects.filter(expires_at__lt=now).delete()
    SsoAssertion.objects.filter(expires_at__lt=now).delete()
    SsoRequest.objects.filter(expires_at__lt=now - _ANSWERS_KEPT).delete()
    SsoSession.objects.exclude(session_id__in=Session.objects.values("public_id")).delete()
    # One that was used says, until new factors are there, that the password alone must not add them.
    over = RecoveryRequest.objects.exclude(state=RecoveryRequest.State.USED)
    over.filter(closed_at__lt=now - _RECOVERIES_KEPT).delete()
    AuthenticatorDevice.objects.filter(confirmed=False, created_at__lt=now - queries.PENDING_FOR).delete()
