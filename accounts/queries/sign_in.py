"""Decide how a person proves who they are."""

from datetime import datetime

from accounts.models import EmailLink, User


def route_for(email: str) -> str:
    """Return how the address signs in: always by password, whether or not anybody has it."""
    return "password"


def is_disowned(user: User, *, begun_at: datetime) -> bool:
    """Say whether the user answered a mail with "this wasn't me" after the sign-in had begun."""
    return EmailLink.objects.filter(
        user=user, purpose=EmailLink.Purpose.NOT_ME, used_at__gte=begun_at
    ).exists()
