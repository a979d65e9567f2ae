"""What people do with passkeys, told once."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from security.models import PasskeyDevice
from security.services import NewPasskey, add_passkey, ask_passkey, use_passkey
from tests.security.software_key import SoftwareKey
from tests.security.steps import ORIGIN

SITE, HOST = "https://console.patchbay.example", "console.patchbay.example"


def new_key(**values: Any) -> SoftwareKey:
    """Return a key of the console's site."""
    return SoftwareKey(**{"origin": SITE, "host": HOST} | values)


def ask(user: User, purpose: str = "sign-in", *, binding: str = "b1", now: datetime | None = None) -> dict:
    """Return a question as the browser gets it."""
    return ask_passkey(user=user, purpose=purpose, binding=binding, now=now or timezone.now())


def register(
    user: User, key: SoftwareKey | None = None, *, replaces: UUID | None = None, **changes: Any
) -> tuple[PasskeyDevice, SoftwareKey]:
    """Add a passkey to the person."""
    key = key or new_key()
    answer = key.register(ask(user, "register"), **changes)
    new = NewPasskey("Blue key", replaces)
    device = add_passkey(
        user=user, new=new, answer=answer, binding="b1", keep=None, origin=ORIGIN, now=timezone.now()
    )
    return device, key


def use(
    user: User, answer: str, purpose: str = "sign-in", *, binding: str = "b1", now: datetime | None = None
) -> str:
    """Give an answer to the person's open question."""
    return use_passkey(
        user=user, answer=answer, purpose=purpose, binding=binding, origin=ORIGIN, now=now or timezone.now()
    )
