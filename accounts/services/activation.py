"""Confirm addresses and numbers, and let accounts begin."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from accounts.models import Account, EmailLink, User
from accounts.services.links import check_link, make_link, use_link
from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.requests import Origin

_PURPOSE = EmailLink.Purpose.ACTIVATE


def make_activation_link(*, user: User, now: datetime) -> EmailLink:
    """Make the one live link that confirms the user's address; the previous one ends."""
    lives_for = timedelta(hours=settings.CONSOLE_ACTIVATION_HOURS)
    return make_link(user=user, purpose=_PURPOSE, lives_for=lives_for, now=now)


def check_activation(*, link_id: uuid.UUID, now: datetime) -> EmailLink:
    """Return the live link, without using it up.

    :raises LinkRefused: if the link is unknown, used or replaced, or is too old
    """
    return check_link(public_id=link_id, purpose=_PURPOSE, now=now)


@transaction.atomic
def verify_email(*, link_id: uuid.UUID, origin: Origin, now: datetime) -> User:
    """Use up an activation link, and confirm its address.

    :raises LinkRefused: if the link is unknown, used or replaced, or is too old
    """
    link = check_link(public_id=link_id, purpose=_PURPOSE, now=now, lock=True)
    use_link(link, now=now)
    user = User.objects.select_for_update(no_key=True).get(pk=link.user_id)
    if user.email_verified_at is None:
        user.email_verified_at = now
        user.save(update_fields=["email_verified_at"])
    record(EventKind.EMAIL_VERIFIED, actor=Actor.person(user, origin=origin), target=user, email=user.email)
    return user


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
