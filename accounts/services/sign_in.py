"""Check a password: the first proof of a sign-in."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from accounts.services import lockout
from accounts.services.hashing import hashing_slot, is_right
from accounts.services.signup import mail_another_link
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.requests import Origin

# An unconfirmed address is refused in the same words, or the answer would show that a sign-up was new.
_REFUSED = "The email and password don't match, or the address isn't confirmed yet. Look for our mail if you just signed up."


class SignInRefused(DomainError):
    """Unknown or unconfirmed address, wrong password, disabled user: nobody learns which."""

    code = "refused"


def check_password(*, email: str, password: str, device_key: str, origin: Origin, now: datetime) -> User:
    """Return the user whose password this is.

    :raises SignInRefused: in the same words and time whatever was wrong
    :raises TooManyRequests: while the address, the device or the network is locked
    """
    buckets = lockout.buckets_of(email=email, device_key=device_key, origin=origin)
    lockout.refuse_locked(buckets, now=now)
    user = User.objects.filter(email_key=email.strip().lower()).first()
    with hashing_slot():
        taken = lockout.take(buckets, now=now)
        is_accepted = is_right(password, user)
    if user is not None and is_accepted and user.email_verified_at is None:
        mail_another_link(user, origin=origin, now=now)
        raise SignInRefused(_REFUSED)
    if user is None or not is_accepted:
        _record_failure(user, taken, origin=origin, now=now)
        raise SignInRefused(_REFUSED)
    lockout.give_back(taken)
    return user


@transaction.atomic
def _record_failure(user: User | None, taken: lockout.Taken, *, origin: Origin, now: datetime) -> None:
    actor = Actor(user=user, kind="visitor", origin=origin)
    record(EventKind.SIGN_IN_FAILED, actor=actor, target=user, reason=_reason(user))
    lockout.record_lock(user, taken, origin=origin, now=now)


def _reason(user: User | None) -> str:
    if user is None:
        return "unknown address"
    return "wrong password" if user.is_active else "disabled user"


@transaction.atomic
def begin_sign_in(*, user: User, binding: str, origin: Origin) -> None:
    """Record that the first proof was given; a sign-in that is not finished then leads to a mail."""
    record(EventKind.SIGN_IN_BEGUN, actor=Actor.person(user, origin=origin), target=user, binding=binding)
