"""Keep recovery codes for the minutes in which they are shown: sealed, in the session that made them."""

import base64
import json
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.utils import timezone

from accounts.models import User
from console.core import crypto

_KEY = "fresh_codes"
_SHOWN_FOR = timedelta(minutes=30)


def put(request: Any, user: User, codes: list[str], *, now: datetime) -> None:
    """Keep the codes until they are taken away or half an hour has passed."""
    sealed = crypto.encrypt(json.dumps(codes).encode(), context=_context(user))
    request.session[_KEY] = {"at": now.isoformat(), "sealed": base64.b64encode(sealed).decode()}


def look(request: Any, user: User, *, now: datetime) -> list[str]:
    """Return the codes, or nothing when there are none to show any more."""
    stored = request.session.get(_KEY)
    if not stored or now - datetime.fromisoformat(stored["at"]) > _SHOWN_FOR:
        return []
    try:
        plain = crypto.decrypt(base64.b64decode(stored["sealed"]), context=_context(user))
    except crypto.Undecryptable:
        return []
    return list(json.loads(plain))


def clear(request: Any) -> None:
    """Take the codes away."""
    request.session.pop(_KEY, None)


def as_file(codes: list[str], *, site: str, email: str) -> HttpResponse:
    """Return the codes as a text file to keep."""
    lines = [
        f"{site} recovery codes for {email}",
        f"Made on {timezone.now():%d %B %Y}. Each code works once.",
        "",
        *(f"{number:2}. {code}" for number, code in enumerate(codes, start=1)),
        "",
    ]
    return HttpResponse(
        "\n".join(lines),
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="recovery-codes.txt"'},
    )


def _context(user: User) -> str:
    return f"security.shelf:{user.public_id}"
