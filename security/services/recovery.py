"""Make recovery codes, and let each in once."""

import hashlib
import secrets
import uuid
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts import services as accounts
from accounts.models import Session, User
from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.ratelimit import Limit, spend
from console.core.requests import Origin
from security.models import RecoveryCode
from security.services.errors import WrongFactor
from security.services.weakness import decide_weakness

# Without 0, o, 1, l and i, which look alike; 24 of 31 characters are 118 bits.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # pragma: allowlist secret
_GROUPS, _GROUP = 6, 4
_TRIES = Limit("recovery-code", 10, 3600)


@transaction.atomic
def make_recovery_codes(
    *,
    user: User,
    origin: Origin,
    now: datetime,
    keep: Session | None = None,
    is_kept: bool = True,
    proved: Iterable[str] = (),
) -> list[str]:
    """Return new codes and void the old ones; every other session of the person ends.

    ``is_kept`` is False when the person still has to say that the codes are kept. ``proved`` names the factors
    that vouch for them.
    """
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    codes = [_new_code() for _ in range(settings.CONSOLE_RECOVERY_CODES)]
    batch, kept_at = uuid.uuid4(), now if is_kept else None
    weak_until = decide_weakness(user=user, proved=proved, now=now)
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(
            user=user,
            batch=batch,
            number=number,
            digest=_digest(user, code),
            created_at=now,
            kept_at=kept_at,
            weak_until=weak_until,
        )
        for number, code in enumerate(codes, start=1)
    )
    record(
        EventKind.RECOVERY_CODES_MADE, actor=Actor.person(user, origin=origin), target=user, count=len(codes)
    )
    accounts.end_other_sessions(user=user, keep=keep)
    return codes


def keep_recovery_codes(*, user: User, now: datetime) -> int:
    """Note that the person keeps the codes, and return how many there are."""
    return RecoveryCode.objects.filter(user=user, used_at=None).update(kept_at=now)


def use_recovery_code(*, user: User, code: str, origin: Origin, now: datetime) -> int:
    """Use up one code, and return how many are left.

    :raises WrongFactor: if no unused code of the person matches
    :raises TooManyRequests: after too many tries
    """
    spend(_TRIES, str(user.pk), now=now)
    unused = RecoveryCode.objects.filter(user=user, used_at=None)
    with transaction.atomic():
        # One statement finds and uses up the code, so that two requests cannot both have it.
        if not unused.filter(digest=_digest(user, code)).update(used_at=now):
            raise WrongFactor("That recovery code didn't match, or it was used before.")
        left = unused.count()
        record(
            EventKind.RECOVERY_CODE_USED,
            actor=Actor.person(user, origin=origin),
            target=user,
            codes_left=left,
        )
    return left


def _new_code() -> str:
    letters = "".join(secrets.choice(ALPHABET) for _ in range(_GROUPS * _GROUP))
    return "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))


def _digest(user: User, code: str) -> bytes:
    letters = "".join(character for character in code.lower() if character in ALPHABET)
    return hashlib.sha256(f"recovery-code:{user.public_id}:{letters}".encode()).digest()
