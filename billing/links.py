"""Sign the links of addresses that hear of the balance: the one that confirms, and the one that stops the mails.

Both name the row, signed. That of the confirmation also names when it was sent, so that a newer one ends it.
"""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse

from billing.models import AlertRecipient

_CONFIRM = signing.Signer(salt="billing.alert-confirm")
_STOP = signing.Signer(salt="billing.alert-stop")


@dataclass(frozen=True, slots=True)
class ConfirmLink:
    """What a link that confirms names: an address of an account, and when the link was sent."""

    public_id: UUID
    sent_at: str


def confirm_token(recipient: AlertRecipient) -> str:
    """Return the signed name of the newest link that confirms."""
    return _CONFIRM.sign_object([str(recipient.public_id), recipient.link_sent_at.isoformat()])


def confirm_url(recipient: AlertRecipient) -> str:
    """Return the full address that confirms."""
    return settings.BASE_URL + reverse("billing:alert_confirm", kwargs={"token": confirm_token(recipient)})


def stop_url(recipient: AlertRecipient) -> str:
    """Return the full address that stops the mails."""
    token = _STOP.sign_object([str(recipient.public_id)])
    return settings.BASE_URL + reverse("billing:alert_stop", kwargs={"token": token})


def read_confirm(token: str) -> ConfirmLink | None:
    """Return what a link that confirms names; None when it was altered."""
    try:
        public_id, sent_at = _CONFIRM.unsign_object(token)
        return ConfirmLink(UUID(public_id), str(sent_at))
    except (signing.BadSignature, ValueError, TypeError, AttributeError):
        return None


def read_stop(token: str) -> UUID | None:
    """Return which address a link stops; None when it was altered."""
    try:
        (public_id,) = _STOP.unsign_object(token)
        return UUID(public_id)
    except (signing.BadSignature, ValueError, TypeError, AttributeError):
        return None
