"""Make the links that are mailed, and open them: signed from their row, one use, limited in time.

A link carries the signed public id of its row and nothing else, so that a copy of the table opens nothing.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any, NoReturn

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse

from accounts.models import EmailLink, User
from console.core.errors import DomainError

_ONE_LIVE = {EmailLink.Purpose.ACTIVATE, EmailLink.Purpose.RESET}


class LinkRefused(DomainError):
    """The link opens nothing; ``code`` is ``altered``, ``used``, ``replaced`` or ``expired``."""


@transaction.atomic
def make_link(
    *, user: User, purpose: str, lives_for: timedelta, now: datetime, state_digest: bytes = b""
) -> EmailLink:
    """Make a link to the user's address; the previous one of the same purpose ends."""
    # The lock lets two links of one user be made one after the other only.
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if purpose in _ONE_LIVE:
        live = EmailLink.objects.filter(user=user, purpose=purpose, used_at=None, replaced_at=None)
        live.update(replaced_at=now)
    return EmailLink.objects.create(
        user=user,
        purpose=purpose,
        email=user.email,
        state_digest=state_digest,
        created_at=now,
        expires_at=now + lives_for,
    )


def token_of(link: EmailLink) -> str:
    """Return the signed name of the link."""
    return signing.dumps(str(link.public_id), salt=_salt(link.purpose))


def address_of(link: EmailLink, *, route: str, **arguments: Any) -> str:
    """Return the full address to be mailed; ``route`` takes ``token``."""
    return settings.BASE_URL + reverse(route, kwargs={"token": token_of(link), **arguments})


def read_token(token: str, *, purpose: str) -> uuid.UUID:
    """Return the public id in the token, without a look at the row.

    :raises LinkRefused: if the token was altered or is for another purpose
    """
    try:
        return uuid.UUID(signing.loads(token, salt=_salt(purpose)))
    except (signing.BadSignature, ValueError, TypeError, AttributeError) as error:
        raise LinkRefused("This link is not complete.", code="altered") from error


def check_link(*, public_id: uuid.UUID, purpose: str, now: datetime, lock: bool = False) -> EmailLink:
    """Return the live link; with ``lock`` its row stays locked until the caller's transaction ends.

    :raises LinkRefused: if it is unknown, used, replaced or expired
    """
    rows = EmailLink.objects.select_for_update(of=("self",)) if lock else EmailLink.objects.all()
    link = rows.select_related("user").filter(public_id=public_id, purpose=purpose).first()
    if link is None:
        _refuse("altered")
    if link.used_at:
        _refuse("used")
    if link.replaced_at:
        _refuse("replaced")
    # A link to a former address proves nothing about the present one.
    if link.expires_at <= now or link.email != link.user.email or not link.user.is_active:
        _refuse("expired")
    return link


def use_link(link: EmailLink, *, now: datetime) -> None:
    """Mark the locked link as used."""
    link.used_at = now
    link.save(update_fields=["used_at"])


_REFUSALS = {
    "altered": "This link is not complete.",
    "used": "This link was used already.",
    "replaced": "A newer link was sent after this one.",
    "expired": "This link is too old.",
}


def _refuse(code: str) -> NoReturn:
    raise LinkRefused(_REFUSALS[code], code=code)


def _salt(purpose: str) -> str:
    return f"accounts.links.{purpose}"
