"""Make and read the links of a recovery: signed from its row, each for one deed, and used up by the row's state."""

import uuid
from typing import NamedTuple, NoReturn

from django.conf import settings
from django.core import signing
from django.urls import reverse

from accounts.models import User
from console.core.errors import DomainError
from security.models import RecoveryRequest
from security.queries import find_waiting_recovery

CONFIRM, CANCEL, FINISH = "confirm", "cancel", "finish"
_ROUTES = {
    CONFIRM: "security:recovery_confirm_open",
    CANCEL: "security:recovery_cancel_open",
    FINISH: "security:recovery_finish_open",
}


class RecoveryRefused(DomainError):
    """The link opens nothing; ``code`` is ``altered``, ``used``, ``expired`` or ``over``."""


class Named(NamedTuple):
    """What a link names: the request, and the channel it went through or the number of the link."""

    public_id: uuid.UUID
    detail: str


_REFUSALS = {
    "altered": "This link is not complete.",
    "used": "This link was used already, or a newer one was sent.",
    "expired": "This link is too old.",
    "over": "This recovery is over.",
}


def refuse(code: str) -> NoReturn:
    """Raise the refusal of that code."""
    raise RecoveryRefused(_REFUSALS[code], code=code)


def address_of(row: RecoveryRequest, deed: str, *, detail: str = "") -> str:
    """Return the full address of the link for one deed."""
    token = signing.dumps(f"{row.public_id.hex}:{detail}", salt=_salt(deed))
    return settings.BASE_URL + reverse(_ROUTES[deed], kwargs={"token": token})


def banner_of(user: User) -> dict[str, str] | None:
    """Say on every page that a recovery waits to remove the person's factors, with the way to cancel it."""
    row = find_waiting_recovery(user)
    if row is None:
        return None
    return {
        "level": "warn",
        "text": "Somebody asked us to remove all your second factors, because they are lost.",
        "url": address_of(row, CANCEL, detail="session"),
        "label": "Cancel it",
    }


def read_token(token: str, *, deed: str) -> Named:
    """Return what the token names, without a look at the row.

    :raises RecoveryRefused: if it was altered or is for another deed
    """
    try:
        name, _, detail = str(signing.loads(token, salt=_salt(deed))).partition(":")
        return Named(uuid.UUID(name), detail)
    except (signing.BadSignature, ValueError):
        refuse("altered")


def _salt(deed: str) -> str:
    return f"security.recovery.{deed}"
