"""Look after single sign-on: domains that wait for DNS, metadata, certificates that end, and their mails."""

from typing import Any

from celery import shared_task
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from console.core.events import EventKind, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from console.core.outbound import Outbound
from security.models import SsoConnection
from security.services import sso_certificates, sso_domains, sso_metadata
from security.sso_queries import connection_of
from teams.queries import contacts_of

_MAILS = {
    EventKind.SSO_TURNED_ON: "sso_switched",
    EventKind.SSO_TURNED_OFF: "sso_switched",
    EventKind.SSO_ENFORCED: "sso_switched",
    EventKind.SSO_ENFORCEMENT_ENDED: "sso_switched",
    EventKind.SSO_METADATA_FAILING: "sso_metadata",
    EventKind.SSO_CERTIFICATE_ENDING: "sso_certificate",
}
_TEMPLATES: dict[str, str] = {str(kind): template for kind, template in _MAILS.items()}


@shared_task(name="security.check_sso_domains")
def check_sso_domains() -> None:
    """Look for the records of domains that were claimed in the last days."""
    sso_domains.check_waiting(now=timezone.now())


@shared_task(name="security.refresh_sso_metadata")
def refresh_sso_metadata() -> None:
    """Read the metadata of providers again whose last look is a day old."""
    sso_metadata.refresh_due(now=timezone.now(), client=Outbound())


@shared_task(name="security.warn_of_sso_ends")
def warn_of_sso_ends() -> None:
    """Say at each mark that a certificate ends."""
    sso_certificates.warn_of_ends(now=timezone.now())


@subscriber(*_MAILS)
def mail_sso(event: AuditEvent) -> None:
    """Tell owner and admins how members sign in from now on, or what will stop them."""
    account = Account.objects.get(pk=event.account_id or 0)
    connection = connection_of(account)
    if connection is None:
        return
    context = _context(event, account, connection)
    for person in contacts_of(account):
        key = f"event:{event.public_id}:{person.pk}"
        queue_mail(f"security/{_TEMPLATES[event.kind]}", to=person.email, key=key, context=context)


def _context(event: AuditEvent, account: Account, connection: SsoConnection) -> dict[str, Any]:
    facts = [
        ("Account", f"{account.name}, {account.auth_id}"),
        ("Provider", connection.get_provider_display()),
    ]
    facts += [("By", event.actor_label), ("From", event.ip or "")] if event.actor_kind == "user" else []
    if event.kind == EventKind.SSO_CERTIFICATE_ENDING:
        facts.append(("Certificate", event.target_label.removeprefix("Certificate ")))
    return {
        "account": account,
        "provider": connection.name,
        "deed": event.kind.partition(":")[2],
        "data": event.data,
        "facts": facts,
        "button_url": settings.BASE_URL + reverse("security:sso", kwargs={"account": account.auth_id}),
        "button_label": "Open single sign-on",
    }
