"""Sign the links that are mailed, and find the rows behind them."""

from datetime import datetime

from django.core.signing import BadSignature, Signer

from accounts.models import EmailLink, User
from console.core import crypto


def token_of(link: EmailLink) -> str:
    """Return what stands in the address; the row alone opens nothing."""
    return _signer(link.purpose).sign(link.public_id.hex)


def find_link(token: str, *, purpose: str) -> EmailLink | None:
    """Return the row of a token that was not altered."""
    try:
        public_id = _signer(purpose).unsign(token)
    except BadSignature:
        return None
    return EmailLink.objects.select_related("user").filter(public_id=public_id, purpose=purpose).first()


def is_live(link: EmailLink | None, *, now: datetime) -> bool:
    """Say whether the link still opens what it was made for."""
    if link is None or link.used_at or link.replaced_at or link.expires_at <= now:
        return False
    is_bound = link.purpose != EmailLink.Purpose.RESET or crypto.same(
        bytes(link.state_digest), password_state(link.user)
    )
    return link.user.is_active and is_bound


def password_state(user: User) -> bytes:
    """Return a digest that changes with the password."""
    return crypto.keyed_digest(user.password, purpose="password-state")


def _signer(purpose: str) -> Signer:
    return Signer(salt=f"accounts.email-link.{purpose}", sep=".")
