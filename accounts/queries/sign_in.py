"""Decide how a person proves who they are."""

from datetime import datetime

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.models import Account, EmailLink, User


def route_for(email: str, account: Account | None = None) -> str:
    """Return how the address signs in, decided by its domain, whether or not anybody has it.

    It is ``password``, ``sso`` or ``sso-only``; with an account, only that account's own rule counts.
    """
    return str(import_string(settings.SIGN_IN_ROUTE)(email, account))


def is_disowned(user: User, *, begun_at: datetime) -> bool:
    """Say whether the user answered a mail with "this wasn't me" after the sign-in had begun."""
    return EmailLink.objects.filter(
        user=user, purpose=EmailLink.Purpose.NOT_ME, used_at__gte=begun_at
    ).exists()
