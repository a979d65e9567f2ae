"""Remember in the anonymous session who signed up in this browser, until the address is confirmed.

Nothing here signs anybody in, and a known address leaves the same marks as a new one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts import login_steps
from accounts.login_steps import password_mark
from accounts.models import User
from accounts.services.signup import SignUp

_KEY = "sign_up"
_TYPED = ("email", "full_name", "company_name")
# After this long the password has to be typed once more.
_GOES_ON_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An address that waits for its confirmation."""

    email: str = ""
    warning: str = ""
    sent_at: datetime | None = None

    def seconds_left(self, now: datetime) -> int:
        """Return the seconds until another mail may be asked for."""
        if self.sent_at is None:
            return 0
        passed = int((now - self.sent_at).total_seconds())
        return max(0, settings.CONSOLE_MAIL_COOLDOWN_SECONDS - passed)


def remember(
    request: Any, made: SignUp, *, typed: Mapping[str, Any], warning: str | None, now: datetime
) -> None:
    """Note a sign-up."""
    request.session[_KEY] = {
        "typed": {name: typed[name] for name in _TYPED},
        "email": made.email,
        "warning": warning or "",
        "sent_at": now.isoformat(),
        "signed_up_at": now.isoformat(),
        "user": made.user.pk if made.user else None,
        "password": password_mark(made.user) if made.user else "",
    }


def note_sent(request: Any, email: str, *, now: datetime) -> None:
    """Note that a mail was asked for."""
    kept = request.session.get(_KEY) or {}
    if kept.get("email") != email:
        kept = {"email": email}
    request.session[_KEY] = kept | {"sent_at": now.isoformat()}


def read(request: Any) -> Waiting:
    """Return the address that waits, or an empty one."""
    kept = request.session.get(_KEY) or {}
    sent_at = datetime.fromisoformat(kept["sent_at"]) if kept.get("sent_at") else None
    return Waiting(kept.get("email", ""), kept.get("warning", ""), sent_at)


def standing(request: Any) -> str:
    """Return where this browser stands between sign-up and session, or nothing: home leads back there."""
    step = login_steps.standing(request)
    return step or (reverse("accounts:activation_sent") if read(request).email else "")


def typed(request: Any) -> dict[str, str]:
    """Return what was typed into the form, for starting again with another address."""
    return (request.session.get(_KEY) or {}).get("typed", {})


def is_of(request: Any, user: User, *, now: datetime) -> bool:
    """Say whether this browser opened the user's account a short while ago, with today's password."""
    kept = request.session.get(_KEY) or {}
    if not kept.get("user"):
        return False
    is_recent = now - datetime.fromisoformat(kept["signed_up_at"]) < _GOES_ON_FOR
    return is_recent and kept["user"] == user.pk and kept["password"] == password_mark(user)


def is_confirmed(request: Any) -> bool:
    """Say whether the account that this browser opened was confirmed, in another browser."""
    kept = request.session.get(_KEY) or {}
    return (
        bool(kept.get("user"))
        and User.objects.exclude(email_verified_at=None).filter(pk=kept["user"]).exists()
    )
