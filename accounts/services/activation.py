"""Confirm addresses and numbers, and let accounts begin."""

from datetime import datetime, timedelta
from typing import NoReturn

from django.conf import settings
from django.db import transaction

from accounts.models import Account, EmailLink, User
from accounts.queries.email_links import find_link
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.requests import Origin

_PURPOSE = EmailLink.Purpose.ACTIVATE
_REFUSALS = {
    "altered": "This link is not complete.",
    "used": "This link was used already.",
    "replaced": "A newer link was sent after this one.",
    "expired": "This link is too old.",
}


class ActivationRefused(DomainError):
    """The link confirms nothing; ``code`` is ``altered``, ``used``, ``replaced`` or ``expired``."""


@transaction.atomic
def make_activation_link(*, user: User, now: datetime) -> EmailLink:
    """Make the one live link that confirms the user's address; the previous one ends."""
    # The lock lets two links of one user be made one after the other only.
    locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    live = EmailLink.objects.filter(user=locked, purpose=_PURPOSE, used_at=None, replaced_at=None)
    live.update(replaced_at=now)
    return EmailLink.objects.create(
        user=locked,
        purpose=_PURPOSE,
        email=locked.email,
        created_at=now,
        expires_at=now + timedelta(hours=settings.CONSOLE_ACTIVATION_HOURS),
    )


def check_activation(*, token: str, now: datetime) -> EmailLink:
    """Return the live link of the token, without using it up.

    :raises ActivationRefused: if the link was altered, used or replaced, or is too old
    """
    link = find_link(token, purpose=_PURPOSE)
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


@transaction.atomic
def verify_email(*, token: str, origin: Origin, now: datetime) -> User:
    """Use up an activation link, and confirm its address.

    :raises ActivationRefused: if the link was altered, used or replaced, or is too old
    """
    owner = check_activation(token=token, now=now).user
    # Whoever held the lock before may have used the link, so it is read again behind it.
    user = User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    link = check_activation(token=token, now=now)
    link.used_at = now
    link.save(update_fields=["used_at"])
    if user.email_verified_at is None:
        user.email_verified_at = now
        user.save(update_fields=["email_verified_at"])
    record(EventKind.EMAIL_VERIFIED, actor=Actor.person(user, origin=origin), target=user, email=user.email)
    return user


def _refuse(code: str) -> NoReturn:
    raise ActivationRefused(_REFUSALS[code], code=code)


def confirm_phone(*, user: User, number: str, origin: Origin, now: datetime) -> None:
    """Note that the number is the user's, and activate the accounts that waited for it.

    The caller has checked a code sent to the number, and owns the transaction.
    """
    locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    locked.phone, locked.phone_verified_at = number, now
    locked.save(update_fields=["phone", "phone_verified_at"])
    user.phone, user.phone_verified_at = number, now
    record(EventKind.PHONE_VERIFIED, actor=Actor.person(user, origin=origin), target=user, number=number)
    if locked.email_verified_at is not None:
        _activate_accounts(locked, origin=origin, now=now)


def _activate_accounts(user: User, *, origin: Origin, now: datetime) -> None:
    waiting = Account.objects.select_for_update(no_key=True).filter(
        opened_by=user, state=Account.State.ONBOARDING
    )
    for account in waiting:
        account.state, account.activated_at = Account.State.ACTIVE, now
        account.save(update_fields=["state", "activated_at"])
        actor = Actor.person(user, origin=origin, account=account)
        record(EventKind.ACCOUNT_ACTIVATED, actor=actor, target=account)
