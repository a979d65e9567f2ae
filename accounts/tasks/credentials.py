"""End tokens that are due, flush their last use, and tell owner and admins about tokens."""

from typing import Any

import redis
from celery import shared_task
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.module_loading import import_string

from accounts.models import Account, ApiIdentity, Credential
from accounts.queries.callers import FIRST_SHOWN, CallerPage, caller_page
from accounts.services import api_use, callers, credentials
from console.core.events import EventKind, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent


@shared_task(name="accounts.end_due_credentials")
def end_due_credentials() -> None:
    """End the tokens whose time is over."""
    credentials.end_due_tokens(now=timezone.now())


@shared_task(name="accounts.flush_last_use", ignore_result=True, throws=(redis.ConnectionError,))
def flush_last_use() -> None:
    """Write to the database when and from where tokens were last used."""
    api_use.flush_last_use()


@shared_task(name="accounts.flush_callers", ignore_result=True, throws=(redis.ConnectionError,))
def flush_callers() -> None:
    """Write to the database who called the API with which token."""
    callers.flush_callers()


@subscriber(EventKind.CREDENTIAL_MADE)
def mail_credential_made(event: AuditEvent) -> None:
    """Tell that an Auth Token was made."""
    kept = [{**old, "ends_at": parse_datetime(old["ends_at"] or "")} for old in event.data["kept"]]
    mail_about_token(event, "credential_made", kept=kept, stopped=event.data["stopped"])


@subscriber(EventKind.CREDENTIAL_REVOKED)
def mail_credential_revoked(event: AuditEvent) -> None:
    """Tell that an Auth Token was revoked, unless the mail about its successor says so."""
    if not event.data["replaced"]:
        mail_about_token(event, "credential_revoked")


@subscriber(EventKind.CREDENTIAL_ENDED)
def mail_credential_ended(event: AuditEvent) -> None:
    """Tell that an Auth Token ended as planned, and who used it last."""
    mail_about_token(event, "credential_ended", page=callers_of(event))


@subscriber(EventKind.CREDENTIAL_EXPOSED)
def mail_credential_exposed(event: AuditEvent) -> None:
    """Warn that an Auth Token crossed the network in clear."""
    mail_about_token(event, "credential_exposed")


def callers_of(event: AuditEvent) -> CallerPage:
    """Return the newest callers of the token that the event is about."""
    token = Credential.objects.select_related("identity__account").get(pk=event.target_id)
    return caller_page(token.identity.account, token, size=FIRST_SHOWN, now=event.at)


def mail_about_token(event: AuditEvent, name: str, **more: Any) -> None:
    """Tell everybody who answers for the account."""
    account = Account.objects.get(pk=event.account_id or 0)
    holder, path, label = place_of(event, account)
    facts = [("Token", event.data["token"]), ("Account", f"{account.name}, {account.auth_id}")]
    facts += [("Subaccount", holder)] if holder else []
    facts += [("By", event.actor_label)] if event.actor_label else []
    facts += [("From", event.ip)] if event.ip else []
    context = {"account": account, "event": event, "facts": facts, "token": event.data["token"], **more}
    context |= {"button_url": settings.BASE_URL + path, "button_label": label, "holder": holder}
    for person in import_string(settings.ACCOUNT_CONTACTS)(account):
        key = f"event:{event.public_id}:{person.pk}"
        queue_mail(f"accounts/{name}", to=person.email, key=key, context=context)


def place_of(event: AuditEvent, account: Account) -> tuple[str, str, str]:
    """Return which subaccount holds the token that the event is about, if one does, and the page of its tokens."""
    is_token = event.target_type == Credential._meta.label_lower  # noqa: SLF001 - Django's public name
    rows = ApiIdentity.objects.filter(kind=ApiIdentity.Kind.SUBACCOUNT)
    identity = rows.filter(credentials=int(event.target_id)).first() if is_token else None
    if identity is not None:
        name, path = import_string(settings.SUBACCOUNT_READER)(account, identity)
        return name, path, "Open its tokens"
    return "", reverse("accounts:credential_list", kwargs={"account": account.auth_id}), "Open Credentials"
