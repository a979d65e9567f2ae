"""Hash and check passwords, a few at a time: each Argon2 run takes about 100 MB."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore

from django.conf import settings
from django.contrib.auth.hashers import make_password

from accounts.models import User
from accounts.passwords import LONGEST
from console.core.errors import TooManyRequests

_WAIT_SECONDS = 3.0
_RETRY_SECONDS = 5


@cache
def _slots() -> BoundedSemaphore:
    return BoundedSemaphore(settings.CONSOLE_PASSWORD_CHECKS)


@contextmanager
def hashing_slot() -> Iterator[None]:
    """Hold one of this process's places for a hash.

    :raises TooManyRequests: if none becomes free within a few seconds
    """
    if not _slots().acquire(timeout=_WAIT_SECONDS):
        message = "Many people are signing in right now. Try again in a few seconds."
        raise TooManyRequests(message, retry_after=_RETRY_SECONDS)
    try:
        yield
    finally:
        _slots().release()


def hash_password(password: str) -> str:
    """Return the encoded hash; call it outside transactions, it takes a while."""
    with hashing_slot():
        return make_password(password)


def is_right(password: str, user: User | None) -> bool:
    """Say whether the password is the user's; an unknown or disabled user costs the same time."""
    tried = password[: LONGEST + 1]
    if user is None:
        make_password(tried)
        return False
    return user.check_password(tried) and user.is_active
