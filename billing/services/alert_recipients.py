"""Let addresses outside the team hear of the balance: each confirms by a link, and stops by another."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.models import Account
from billing.links import ConfirmLink
from billing.models import AlertRecipient
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from console.core.ratelimit import Limit, spend

_LINKS = Limit("balance-alert-links", 20, 86_400)
_LINKS_TO = Limit("balance-alert-links-to", 5, 86_400)


class RecipientRefused(DomainError):
    """The address can not be added."""

    code = "recipient_refused"
    field = "email"


class NoSuchRecipient(DomainError):
    """The account has no such address."""

    code = "not_found"


class LinkRefused(DomainError):
    """The link confirms nothing: it is too old, replaced, or the address was removed."""

    code = "link_refused"


def add_recipient(*, actor: Actor, email: str, now: datetime) -> AlertRecipient:
    """Add a canonical address and mail it a link; alerts go there once the link is used.

    :raises RecipientRefused: if it is there already, or the account has as many as it may
    :raises TooManyRequests: if too many links were sent, by the account or to the address
    """
    actor.require(Permission.BILLING_MANAGE)
    _spend(actor.account, email, now)
    with transaction.atomic():
        account = Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)
        rows = AlertRecipient.objects.of(account)
        if rows.filter(email__iexact=email).exists():
            raise RecipientRefused("This address is there already.")
        if rows.count() >= settings.CONSOLE_ALERT_ADDRESSES:
            raise RecipientRefused(
                f"The account has {settings.CONSOLE_ALERT_ADDRESSES} addresses. Remove one first."
            )
        facts = {"email": email, "added_by": actor.user, "added_at": now, "link_sent_at": now}
        row: AlertRecipient = AlertRecipient.objects.create(account=account, **facts)
        record(EventKind.BALANCE_ALERT_ADDRESS_ADDED, actor=actor, target=row, account=account, at=now)
    return row


def _spend(account: Account, email: str, now: datetime) -> None:
    message = "Too many links were sent today. Try again tomorrow."
    spend(_LINKS, str(account.pk), now=now, message=message)
    spend(_LINKS_TO, email.lower(), now=now, message=message)


def send_link(*, actor: Actor, public_id: UUID, now: datetime) -> AlertRecipient:
    """Mail an address a new link, which ends the one before; one that bounced begins again.

    :raises NoSuchRecipient: if the account has none such
    :raises RecipientRefused: if it is confirmed
    :raises TooManyRequests: if too many links were sent, by the account or to the address
    """
    actor.require(Permission.BILLING_MANAGE)
    _spend(actor.account, _find(actor, public_id).email, now)
    with transaction.atomic():
        row = _locked(actor, public_id)
        if row.confirmed_at and not row.bounced_at:
            raise RecipientRefused("This address is confirmed.")
        row.confirmed_at, row.bounced_at, row.link_sent_at = None, None, now
        row.save(update_fields=["confirmed_at", "bounced_at", "link_sent_at"])
        record(EventKind.BALANCE_ALERT_LINK_SENT, actor=actor, target=row, at=now)
    return row


@transaction.atomic
def remove_recipient(*, actor: Actor, public_id: UUID, now: datetime) -> None:
    """Send no more alerts to an address.

    :raises NoSuchRecipient: if the account has none such
    """
    actor.require(Permission.BILLING_MANAGE)
    row = _locked(actor, public_id)
    record(EventKind.BALANCE_ALERT_ADDRESS_REMOVED, actor=actor, target=row, at=now)
    row.delete()


def _find(actor: Actor, public_id: UUID) -> AlertRecipient:
    row: AlertRecipient | None = AlertRecipient.objects.of(actor.account).filter(public_id=public_id).first()
    if row is None:
        raise NoSuchRecipient("There is no such address.")
    return row


def _locked(actor: Actor, public_id: UUID) -> AlertRecipient:
    rows = AlertRecipient.objects.of(actor.account).select_for_update(of=("self",))
    row: AlertRecipient | None = rows.filter(public_id=public_id).first()
    if row is None:
        raise NoSuchRecipient("There is no such address.")
    return row


@transaction.atomic
def confirm_recipient(*, link: ConfirmLink | None, now: datetime) -> AlertRecipient:
    """Let alerts go to the address of the link; a second use changes nothing.

    :raises LinkRefused: if the link opens nothing
    """
    row = check_link(link=link, now=now, lock=True)
    if row.confirmed_at is None:
        row.confirmed_at = now
        row.save(update_fields=["confirmed_at"])
        record(EventKind.BALANCE_ALERT_ADDRESS_CONFIRMED, actor=Actor.system(row.account), target=row, at=now)
    return row


def check_link(*, link: ConfirmLink | None, now: datetime, lock: bool = False) -> AlertRecipient:
    """Return the address that the link confirms.

    :raises LinkRefused: if the link opens nothing
    """
    rows = AlertRecipient.unscoped.select_related("account")
    rows = rows.select_for_update(of=("self",)) if lock else rows
    row = rows.filter(public_id=link.public_id).first() if link else None
    if row is None or link is None or row.link_sent_at.isoformat() != link.sent_at:
        raise LinkRefused("This link is not the newest one, or the address was removed.")
    until = row.link_sent_at + timedelta(hours=settings.CONSOLE_ALERT_LINK_HOURS)
    if row.confirmed_at is None and until <= now:
        raise LinkRefused("This link is too old.")
    return row


@transaction.atomic
def stop_mails(*, public_id: UUID, now: datetime) -> None:
    """Send no more alerts to the address that asks; asking again changes nothing."""
    rows = AlertRecipient.unscoped.select_for_update(of=("self",)).select_related("account")
    row = rows.filter(public_id=public_id).first()
    if row is not None:
        record(EventKind.BALANCE_ALERT_ADDRESS_STOPPED, actor=Actor.system(row.account), target=row, at=now)
        row.delete()
