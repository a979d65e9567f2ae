"""Have a person prove more than usual at the sign-in after a lock-down: a mailed code, or a recovery code."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from accounts.models import User
from console.core import crypto
from console.core.access import Actor
from console.core.errors import DomainError, TooManyRequests
from console.core.events import EventKind, record
from console.core.mail import queue_mail
from console.core.ratelimit import Limit, spend
from console.core.requests import Origin
from security.models import MailCode
from security.services.errors import WrongFactor
from security.services.recovery import use_recovery_code

_SENT = Limit("mail-code", 10, 3600)
_TRIES = Limit("mail-code-tries", 60, 86_400)


@dataclass(frozen=True, slots=True)
class _Verdict:
    # Raised outside the transaction, or the count of wrong tries would be rolled back.
    error: DomainError | None = None


def send_mail_code(*, user: User, binding: str, origin: Origin, now: datetime) -> MailCode:
    """Mail a new code for this sign-in; the one before ends.

    :raises TooManyRequests: at a limit, or right after another code
    """
    spend(_SENT, str(user.pk), now=now, message="Too many codes were mailed. Wait an hour, then try again.")
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        _refuse_soon(user, now)
        MailCode.objects.filter(user=user, ended_at=None).update(ended_at=now)
        code = crypto.random_digits(6)
        minutes = settings.CONSOLE_CODE_MINUTES
        row = MailCode(
            user=user, binding=binding, created_at=now, expires_at=now + timedelta(minutes=minutes)
        )
        row.digest = _digest(row, code)
        row.save()
        context = {"code": code, "minutes": minutes}
        queue_mail("security/mail_code", to=user.email, key=f"mail-code:{row.public_id}", context=context)
        record(EventKind.MAIL_CODE_REQUESTED, actor=Actor.person(user, origin=origin), target=user)
    return row


def _refuse_soon(user: User, now: datetime) -> None:
    newest = MailCode.objects.filter(user=user).order_by("-created_at").first()
    left = seconds_left(newest, now=now) if newest else 0
    if left:
        raise TooManyRequests(f"A code is on its way. Ask again in {left} seconds.", retry_after=left)


def seconds_left(row: MailCode, *, now: datetime) -> int:
    """Return the seconds until another code may be asked for."""
    passed = int((now - row.created_at).total_seconds())
    return max(0, int(settings.CONSOLE_VOICE_AFTER_SECONDS) - passed)


def prove_mailbox(*, user: User, binding: str, code: str, origin: Origin, now: datetime) -> None:
    """Use up the mailed code of this sign-in; the person need not prove more any longer.

    :raises WrongFactor: if it is another code, too old or over; the try is counted
    :raises TooManyRequests: above the tries of a day
    """
    spend(_TRIES, str(user.pk), now=now, message="Too many codes were tried today. Try again tomorrow.")
    verdict = _judge(user, binding, code, origin, now)
    if verdict.error:
        raise verdict.error


@transaction.atomic
def _judge(user: User, binding: str, code: str, origin: Origin, now: datetime) -> _Verdict:
    # The person's row comes first, as in the lock-down, which ends the codes.
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    row = MailCode.objects.select_for_update().filter(user=user, binding=binding, ended_at=None).first()
    if row is None or row.expires_at <= now:
        return _Verdict(WrongFactor("There is no code to check any more. Ask for a new one."))
    if not crypto.same(bytes(row.digest), _digest(row, code.replace(" ", "")[:20])):
        record(EventKind.REVERIFY_FAILED, actor=Actor.person(user, origin=origin), target=user)
        return _Verdict(_count_wrong(row, now))
    row.ended_at = now
    row.save(update_fields=["ended_at"])
    _clear(user, "mail-code", origin, now)
    return _Verdict()


def _count_wrong(row: MailCode, now: datetime) -> WrongFactor:
    row.tries += 1
    left = settings.CONSOLE_CODE_TRIES - row.tries
    row.ended_at = now if left < 1 else None
    row.save(update_fields=["tries", "ended_at"])
    if left < 1:
        return WrongFactor(f"{row.tries} wrong tries end a code. Ask for a new one.")
    return WrongFactor(f"That code didn't match. {left} {'try' if left == 1 else 'tries'} left.")


def prove_recovery(*, user: User, code: str, origin: Origin, now: datetime) -> None:
    """Use up a recovery code in the place of a mailed one: nobody is shut out by a mailbox that is gone.

    :raises WrongFactor: if no unused code matches
    :raises TooManyRequests: after too many tries
    """
    use_recovery_code(user=user, code=code, origin=origin, now=now)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        _clear(user, "recovery-code", origin, now)


def _clear(user: User, method: str, origin: Origin, now: datetime) -> None:
    User.objects.filter(pk=user.pk).update(reverify_since=None)
    user.reverify_since = None
    record(EventKind.REVERIFIED, actor=Actor.person(user, origin=origin), target=user, at=now, method=method)


def _digest(row: MailCode, code: str) -> bytes:
    return crypto.keyed_digest(f"{row.public_id}:{code}", purpose="mail-code")
