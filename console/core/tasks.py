"""Carry the kernel's work: send mails and texts, publish what is overdue, sweep what is old."""

import logging
import smtplib
from datetime import timedelta

from celery import shared_task
from celery.signals import heartbeat_sent, worker_ready
from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.module_loading import import_string

from console.core import audit
from console.core.carriers import CarrierError
from console.core.events import publish, send_tasks
from console.core.mail import build_message
from console.core.models import Delivery, Heartbeat, OutgoingMail, OutgoingText, RateBucket

_BATCH = 500
_GIVE_UP_AFTER = timedelta(days=2)
_KEEP_SENT = timedelta(days=30)
_KEEP_FAILED = timedelta(days=90)
_PERMANENT = 500
_log = logging.getLogger("console.work")


@shared_task(name="core.send_mail")
def send_mail(*, mail_id: int, **_later: object) -> None:
    """Send one queued mail, then wipe its body."""
    now = timezone.now()
    mail = OutgoingMail.lease(mail_id, now=now, seconds=settings.CONSOLE_LEASE_SECONDS)
    if mail is None:
        return
    try:
        build_message(mail).send()
    except (smtplib.SMTPException, OSError) as error:
        _handle_mail_error(mail, error)
        return
    mail.sealed = None
    mail.save(update_fields=["sealed"])
    mail.finish(now=timezone.now())


def _handle_mail_error(mail: OutgoingMail, error: Exception) -> None:
    now, reason = timezone.now(), type(error).__name__
    refused = isinstance(error, smtplib.SMTPRecipientsRefused) and all(
        status >= _PERMANENT for status, _ in error.recipients.values()
    )
    if refused or now - mail.created_at > _GIVE_UP_AFTER:
        mail.sealed = None
        mail.save(update_fields=["sealed"])
        mail.give_up(now=now, reason=reason)
    else:
        mail.postpone(now=now, reason=reason)
    _log.warning(
        "mail was not sent", extra={"mail": mail.pk, "reason": reason, "given_up": bool(mail.failed_at)}
    )


@shared_task(name="core.send_text")
def send_text(*, text_id: int, **_later: object) -> None:
    """Send one queued text or call, unless its time has passed, then wipe it."""
    now = timezone.now()
    row = OutgoingText.lease(text_id, now=now, seconds=settings.CONSOLE_LEASE_SECONDS)
    if row is None:
        return
    if row.expires_at <= now:
        _close_text(row, reason="expired")
        return
    carrier = import_string(settings.TEXT_CARRIER)()
    try:
        row.carrier_id = carrier.send(
            channel=row.channel, to=row.to, text=row.open(), reference=str(row.public_id)
        )
    except CarrierError as error:
        _log.warning(
            "text was not sent", extra={"text": row.pk, "reason": str(error), "retry": error.retryable}
        )
        if error.retryable:
            row.postpone(now=timezone.now(), reason="carrier")
        else:
            _close_text(row, reason="carrier refused")
        return
    row.sealed = None
    row.save(update_fields=["carrier_id", "sealed"])
    row.finish(now=timezone.now())


def _close_text(row: OutgoingText, *, reason: str) -> None:
    row.sealed = None
    row.save(update_fields=["sealed"])
    row.give_up(now=timezone.now(), reason=reason)


@shared_task(name="core.resend_overdue")
def resend_overdue() -> None:
    """Publish again whatever is due and nobody holds: the broker may have lost it."""
    now = timezone.now()
    publish(Delivery.overdue(now=now, limit=_BATCH))
    send_tasks(("core.send_mail", {"mail_id": row.pk}) for row in OutgoingMail.overdue(now=now, limit=_BATCH))
    send_tasks(("core.send_text", {"text_id": row.pk}) for row in OutgoingText.overdue(now=now, limit=_BATCH))


@shared_task(name="core.sweep_expired")
def sweep_expired() -> None:
    """Delete counters whose window is over and mails, texts and deliveries that are long done."""
    now = timezone.now()
    RateBucket.objects.filter(ends_at__lt=now - timedelta(days=1)).delete()
    for model in (OutgoingMail, OutgoingText, Delivery):
        model.objects.filter(done_at__lt=now - _KEEP_SENT).delete()
        model.objects.filter(failed_at__lt=now - _KEEP_FAILED).delete()


@shared_task(name="core.note_beat")
def note_beat() -> None:
    """Note that beat publishes and a worker listens."""
    _note("beat")


@shared_task(name="core.log_chain_heads")
def log_chain_heads() -> None:
    """Send the heads of the audit chains to the log stream, off this machine."""
    audit.log_heads()


@heartbeat_sent.connect
@worker_ready.connect
def note_worker(**_: object) -> None:
    """Note that a worker is alive, at most every few seconds."""
    _note("worker")


def _note(name: str) -> None:
    now = timezone.now()
    if not Heartbeat.objects.filter(name=name, at__gt=now - timedelta(seconds=5)).exists():
        Heartbeat.objects.update_or_create(name=name, defaults={"at": now})
    if name == "worker":
        connection.close()
