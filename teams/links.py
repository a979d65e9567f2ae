"""Sign the links of invitations from their rows, and say what a link opens.

A link carries the public id of the row and the turn of the link, signed: a copy of the table opens nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse

from accounts.models import Account
from console.core.errors import DomainError
from teams.models import Invitation

# Without a time stamp: the row holds the expiry, and the same row gives the same link.
_SIGNER = signing.Signer(salt="teams.invitation")
TAKES_NOBODY = {Account.State.CLOSED, Account.State.REJECTED, Account.State.LOCKED}


class InvitationRefused(DomainError):
    """The link opens nothing; ``code`` is ``altered``, ``replaced``, ``expired``, ``revoked``,
    ``orphaned``, ``suspended``, ``used`` or ``closed``.
    """


@dataclass(frozen=True, slots=True)
class Link:
    """What a signed link names: an invitation, and which of its links."""

    invitation_id: UUID
    turn: int


_REFUSALS = {
    "altered": "This link is not complete.",
    "replaced": "A newer link was sent after this one.",
    "expired": "This invitation is too old.",
    "revoked": "This invitation was taken back.",
    "orphaned": "Whoever sent this invitation may not invite any more.",
    "suspended": "Your membership is suspended.",
    "used": "This invitation was accepted.",
    "closed": "The account takes no members any more.",
}


def refuse(code: str) -> InvitationRefused:
    """Return the refusal with its sentence."""
    return InvitationRefused(_REFUSALS[code], code=code)


def token_of(invitation: Invitation) -> str:
    """Return the signed name of the newest link."""
    return _SIGNER.sign_object([str(invitation.public_id), invitation.turn])


def address_of(invitation: Invitation) -> str:
    """Return the full address to be mailed."""
    return settings.BASE_URL + reverse("teams:invitation_open", kwargs={"token": token_of(invitation)})


def read_token(token: str) -> Link:
    """Return what the token names, without a look at the row.

    :raises InvitationRefused: if it was altered
    """
    try:
        public_id, turn = _SIGNER.unsign_object(token)
        return Link(UUID(public_id), int(turn))
    except (signing.BadSignature, ValueError, TypeError, AttributeError) as error:
        raise refuse("altered") from error


def check_live(invitation: Invitation, *, now: datetime) -> None:
    """Refuse an invitation that is over.

    :raises InvitationRefused: with the reason
    """
    if invitation.accepted_at is not None:
        raise refuse("used")
    if invitation.revoked_at is not None:
        raise refuse("orphaned" if invitation.is_orphaned else "revoked")
    if invitation.account.state in TAKES_NOBODY:
        raise refuse("closed")
    if invitation.expires_at <= now:
        raise refuse("expired")


def check_link(invitation: Invitation | None, link: Link, *, now: datetime) -> Invitation:
    """Return the invitation that the link opens.

    :raises InvitationRefused: if it opens nothing
    """
    if invitation is None:
        raise refuse("altered")
    check_live(invitation, now=now)
    if invitation.turn != link.turn:
        raise refuse("replaced")
    return invitation
