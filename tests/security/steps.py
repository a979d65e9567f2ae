"""Walk through the pages of signing in, as a browser would."""

import re
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from console.core.requests import Origin
from security import otp
from security.models import PhoneDevice, RecoveryCode
from security.services import make_recovery_codes
from tests.factories import PASSWORD

ORIGIN = Origin(ip="198.51.100.23", user_agent="Mozilla/5.0 (Windows NT 10.0) Chrome/126.0.0.0 Safari/537.36")
SEED = b"12345678901234567890"


def enter_password(client, user: User):
    """Give email and password, and return the answer."""
    client.post("/sign-in/", {"email": user.email})
    return client.post("/sign-in/password/", {"username": user.email, "password": PASSWORD})


def settle(user: User) -> list[str]:
    """Make the person one who finished onboarding with phone codes, and return the recovery codes."""
    PhoneDevice.objects.filter(user=user).update(chosen_at=timezone.now())
    return make_recovery_codes(user=user, origin=ORIGIN, now=timezone.now())


def app_code(seed: bytes = SEED, *, steps: int = 0, now: datetime | None = None) -> str:
    """Return the code the app shows, some steps later or earlier."""
    return otp.code_at(seed, (now or timezone.now()) + timedelta(seconds=30 * steps))


def wrong(code: str) -> str:
    """Return another code."""
    return f"{(int(code) + 1) % 1_000_000:06d}"


def shown_key(response) -> bytes:
    """Return the seed that a page shows as a typed key."""
    import base64

    found = re.search(r"secret=([A-Z2-7]{32})", response.content.decode())
    return base64.b32decode(found.group(1))


def is_signed_in(client) -> bool:
    """Say whether the browser has a finished session."""
    response = client.get("/")
    return (
        response.status_code == 302 and not response.url.startswith(("/sign-in/", "/sign-up/", "/welcome/"))
    ) or response.status_code == 200


def codes_left(user: User) -> int:
    """Return how many recovery codes the person may still use."""
    return RecoveryCode.objects.filter(user=user, used_at=None).count()
