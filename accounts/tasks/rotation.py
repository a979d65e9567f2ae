"""Warn of old tokens that end soon, and tell owner and admins what became of their end."""

from celery import shared_task
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.services import rotation
from accounts.tasks.credentials import callers_of, mail_about_token
from console.core.events import EventKind, subscriber
from console.core.models import AuditEvent


@shared_task(name="accounts.warn_of_ends")
def warn_of_ends() -> None:
    """Warn of old tokens a day before they end, and an hour before if somebody still uses them."""
    rotation.warn_of_ends(now=timezone.now())


@subscriber(EventKind.CREDENTIAL_ENDING)
def mail_credential_ending(event: AuditEvent) -> None:
    """Warn that an old token ends soon, with those who still use it."""
    more = {"ends_at": parse_datetime(event.data["ends_at"]), "extended": event.data["extended"]}
    mail_about_token(event, "credential_ending", page=callers_of(event), advice=event.data["advice"], **more)


@subscriber(EventKind.CREDENTIAL_EXTENDED)
def mail_credential_extended(event: AuditEvent) -> None:
    """Tell that the end of an old token was put off."""
    mail_about_token(event, "credential_extended", ends_at=parse_datetime(event.data["after"]))
