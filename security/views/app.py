"""Remember which app a browser is adding, and say how its seed is shown."""

from datetime import datetime
from typing import Any

from django.conf import settings

from accounts.models import User
from security import otp, queries
from security.models import AuthenticatorDevice

_KEY = "enrolling"


def remember(request: Any, device: AuthenticatorDevice) -> None:
    """Tie the unconfirmed app to this browser: no other one sees its seed."""
    request.session[_KEY] = str(device.public_id)


def pending(request: Any, user: User, *, now: datetime) -> AuthenticatorDevice | None:
    """Return the app that this browser is adding."""
    return queries.find_pending(user, request.session.get(_KEY, ""), now=now)


def shown(device: AuthenticatorDevice, user: User) -> dict[str, Any]:
    """Return picture, typed key and link of the seed."""
    uri = otp.provisioning_uri(device.seed, issuer=settings.SITE_NAME, label=user.email)
    return {"picture": otp.draw(uri), "typed_key": otp.typed_key(device.seed), "link": uri}
