"""Count failed tries and lock what was tried too often, for a time that doubles.

Three kinds of keys: an address as it was typed (known or not), a user on a device they signed in with before,
and a network. A known device has a bucket of its own, so that nobody can lock the owner out from elsewhere.
A try is counted before the password is looked at and given back when it was right: parallel tries cannot
slip through together.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from accounts.models import Device, SignInTries, User
from accounts.queries import rules
from console.core import crypto
from console.core.access import Actor
from console.core.errors import TooManyRequests
from console.core.events import EventKind, record
from console.core.requests import Origin
from console.core.templatetags.ui import duration

_PERSON_FORGETS = timedelta(days=1)
_NETWORK_FORGETS = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What tries are counted against, how many are free, and when they are forgotten."""

    key: str
    limit: int
    forgets: timedelta
    is_person: bool = True


@dataclass(slots=True)
class Taken:
    """Tries that were counted: the locks they set, and how many failures the person's bucket has."""

    locks: dict[str, datetime | None] = field(default_factory=dict)
    failures: int = 0
    locked_until: datetime | None = None


def buckets_of(*, email: str, device_key: str, origin: Origin) -> list[Bucket]:
    """Return what a try for the address counts against."""
    email_key = email.strip().lower()
    free = settings.CONSOLE_SIGN_IN_TRIES
    if is_known_device(email_key, device_key):
        name = f"device:{email_key}:{crypto.token_digest(device_key).hex()}"
        return [Bucket(_key(name), free, _PERSON_FORGETS)]
    network = rules.network_key(origin.ip)
    return [
        Bucket(_key(f"person:{email_key}"), free, _PERSON_FORGETS),
        Bucket(
            _key(f"network:{network}"),
            settings.CONSOLE_SIGN_IN_TRIES_PER_ADDRESS,
            _NETWORK_FORGETS,
            is_person=False,
        ),
    ]


def is_known_device(email_key: str, device_key: str) -> bool:
    """Say whether the person signed in with the device before."""
    digest = crypto.token_digest(device_key)
    found = Device.objects.filter(user__email_key=email_key, digest=digest).exists()
    return found and bool(device_key)


def _key(name: str) -> str:
    return crypto.keyed_digest(name, purpose="sign-in-tries").hex()


def check_not_locked(*, user: User, origin: Origin, device_key: str, now: datetime) -> None:
    """Refuse a locked person before anything is tried.

    :raises TooManyRequests: with the seconds that are left
    """
    refuse_locked(buckets_of(email=user.email_key, device_key=device_key, origin=origin), now=now)


def refuse_locked(buckets: list[Bucket], *, now: datetime) -> None:
    """Refuse while one of the buckets is locked.

    :raises TooManyRequests: with the seconds that are left
    """
    keys = [bucket.key for bucket in buckets]
    _refuse(list(SignInTries.objects.filter(key__in=keys)), now)


@transaction.atomic
def take(buckets: list[Bucket], *, now: datetime) -> Taken:
    """Count one try in each bucket.

    :raises TooManyRequests: if one is locked; nothing is counted then
    """
    rows = _lock_rows(buckets, now)
    _refuse(list(rows.values()), now)
    return _count(buckets, rows, now)


@transaction.atomic
def give_back(taken: Taken) -> None:
    """Take back one counted try that turned out right, and the lock it would have set."""
    for row in SignInTries.objects.select_for_update().filter(key__in=taken.locks).order_by("key"):
        row.failures = max(0, row.failures - 1)
        if row.locked_until == taken.locks[row.key]:
            row.locked_until = None
        row.save(update_fields=["failures", "locked_until"])


@transaction.atomic
def note_failure(*, user: User, origin: Origin, device_key: str, now: datetime) -> None:
    """Count a wrong second factor against the same buckets as a wrong password."""
    buckets = buckets_of(email=user.email_key, device_key=device_key, origin=origin)
    taken = _count(buckets, _lock_rows(buckets, now), now)
    record_lock(user, taken, origin=origin, now=now)


def record_lock(user: User | None, taken: Taken, *, origin: Origin, now: datetime) -> None:
    """Record that the tries locked the person; the caller owns the transaction."""
    if taken.locked_until is None:
        return
    seconds = int((taken.locked_until - now).total_seconds())
    actor = Actor(user=user, kind="visitor", origin=origin)
    record(EventKind.SIGN_IN_LOCKED, actor=actor, target=user, seconds=seconds, failures=taken.failures)


def failures_of(*, user: User, device_key: str, origin: Origin) -> int:
    """Return how many tries failed since the last that was right."""
    buckets = buckets_of(email=user.email_key, device_key=device_key, origin=origin)
    rows = SignInTries.objects.filter(key__in=[bucket.key for bucket in buckets if bucket.is_person])
    return sum(row.failures for row in rows)


def forgive(*, user: User, device_key: str, origin: Origin) -> None:
    """Forget the person's failures after a finished sign-in; those of the network stay."""
    buckets = buckets_of(email=user.email_key, device_key=device_key, origin=origin)
    SignInTries.objects.filter(key__in=[bucket.key for bucket in buckets if bucket.is_person]).delete()


def _lock_rows(buckets: list[Bucket], now: datetime) -> dict[str, SignInTries]:
    """Return the rows of the buckets under lock, in one order for everybody."""
    fresh = [SignInTries(key=bucket.key, failed_at=now) for bucket in buckets]
    SignInTries.objects.bulk_create(sorted(fresh, key=lambda row: row.key), ignore_conflicts=True)
    keys = [bucket.key for bucket in buckets]
    return {
        row.key: row for row in SignInTries.objects.select_for_update().filter(key__in=keys).order_by("key")
    }


def _refuse(rows: list[SignInTries], now: datetime) -> None:
    until = max((row.locked_until for row in rows if row.locked_until), default=None)
    if until is not None and until > now:
        left = (until - now).total_seconds()
        raise TooManyRequests(f"Too many tries. Try again in {duration(left)}.", retry_after=int(left) + 1)


def _count(buckets: list[Bucket], rows: dict[str, SignInTries], now: datetime) -> Taken:
    taken = Taken()
    for bucket in buckets:
        row = rows[bucket.key]
        is_old = now - row.failed_at > bucket.forgets
        row.failures = 1 if is_old else row.failures + 1
        row.failed_at = now
        lock = _lock(row.failures - bucket.limit, now)
        row.locked_until = lock or row.locked_until
        row.save(update_fields=["failures", "failed_at", "locked_until"])
        taken.locks[bucket.key] = lock
        if bucket.is_person:
            taken.failures, taken.locked_until = row.failures, lock
    return taken


def _lock(beyond: int, now: datetime) -> datetime | None:
    """Return the end of a lock: 30 seconds at the limit, twice as long at each failure beyond it."""
    if beyond < 0:
        return None
    first, longest = settings.CONSOLE_SIGN_IN_LOCK_SECONDS, settings.CONSOLE_SIGN_IN_LOCK_LONGEST_SECONDS
    return now + timedelta(seconds=min(longest, first * 2 ** min(beyond, 20)))
