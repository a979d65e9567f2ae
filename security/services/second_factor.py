"""Check a second factor: a passkey, an app's code, a phone code or a recovery code, each good once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import services as accounts
from accounts.models import PhoneCode, User
from console.core.access import Actor
from console.core.errors import DomainError, TooManyRequests
from console.core.events import EventKind, record
from console.core.requests import Origin
from security import otp, queries
from security.models import AuthenticatorDevice, PhoneDevice
from security.services.errors import FactorMissing, WrongFactor
from security.services.passkeys import use_passkey
from security.services.recovery import use_recovery_code


@dataclass(frozen=True, slots=True)
class Try:
    """One try: who gives which code, for what, in which sign-in or session."""

    user: User
    code: str
    purpose: PhoneCode.Purpose
    binding: str
    origin: Origin
    now: datetime


def check_second_factor(
    *, user: User, method: str, code: str, binding: str, device_key: str, origin: Origin, now: datetime
) -> str:
    """Check a factor at sign-in, and return the name of the proved method.

    :raises WrongFactor: if the code does not match; the try is counted
    :raises TooManyRequests: if the person has to wait
    """
    who: dict[str, Any] = {"user": user, "origin": origin, "device_key": device_key, "now": now}
    accounts.check_not_locked(**who)
    attempt = Try(user, code, PhoneCode.Purpose.SIGN_IN, binding, origin, now)
    try:
        return prove_factor(attempt, method)
    except DomainError as error:
        if is_guess(error):
            note_wrong(attempt, EventKind.SECOND_FACTOR_FAILED, method)
            accounts.note_failure(**who)
        raise


def prove_factor(attempt: Try, method: str) -> str:
    """Use up the code, and return the name of the proved method."""
    if method not in queries.methods_of(attempt.user):
        raise FactorMissing("You have no such second factor. Choose another way.")
    return _CHECKS[method](attempt)


def is_guess(error: DomainError) -> bool:
    """Say whether the refusal was about a wrong code, which is counted."""
    return isinstance(error, WrongFactor | accounts.WrongCode)


def note_wrong(attempt: Try, kind: EventKind, method: str) -> None:
    """Record a wrong code."""
    with transaction.atomic():
        record(
            kind, actor=Actor.person(attempt.user, origin=attempt.origin), target=attempt.user, method=method
        )


def _check_app(attempt: Try) -> str:
    refusal: DomainError | None = None
    with transaction.atomic():
        device = (
            AuthenticatorDevice.objects.select_for_update().filter(user=attempt.user, confirmed=True).first()
        )
        if device is None:
            raise FactorMissing("You have no authenticator app. Choose another way.")
        refusal = _judge(device, attempt)
    # Raised after the commit, so that the failed try stays counted.
    if refusal:
        raise refusal
    return "totp"


def _judge(device: AuthenticatorDevice, attempt: Try) -> DomainError | None:
    now = attempt.now
    if wait := device.wait_left(now):
        return TooManyRequests(
            f"Too many wrong codes. Try again in {_words(wait)}, or use another way.", retry_after=wait
        )
    step = otp.matching_step(device.seed, attempt.code, now=now)
    if step is None:
        device.note_failure(now)
        return _mismatch(device)
    if step <= device.last_step:
        return DomainError(
            "This code was used already. Wait for the next one.", code="code_used", field="code"
        )
    device.accept(step, now)
    return None


def _mismatch(device: AuthenticatorDevice) -> WrongFactor:
    left = settings.CONSOLE_SIGN_IN_TRIES - device.throttling_failure_count
    if left < 1:
        return WrongFactor("That code didn't match. The wait before the next try grows now.")
    return WrongFactor(
        f"That code didn't match. {left} {'try' if left == 1 else 'tries'} left before a longer wait."
    )


def _words(seconds: int) -> str:
    if seconds < 90:  # noqa: PLR2004 - from here on minutes read better
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    return f"{-(-seconds // 60)} minutes"


def _check_phone(attempt: Try) -> str:
    asked = queries.find_code(attempt.user, purpose=attempt.purpose, binding=attempt.binding, now=attempt.now)
    try:
        sent = accounts.check_phone_code(
            user=attempt.user,
            purpose=attempt.purpose,
            binding=attempt.binding,
            code=attempt.code,
            now=attempt.now,
            number=attempt.user.phone,
        )
    except accounts.CodeSpent as error:
        if asked and asked.is_live:
            # The last wrong try ends the code, and is a wrong try all the same.
            raise WrongFactor(str(error)) from error
        raise
    PhoneDevice.objects.filter(user=attempt.user).update(last_used_at=attempt.now)
    return str(sent.channel)


def _check_passkey(attempt: Try) -> str:
    return use_passkey(
        user=attempt.user,
        answer=attempt.code,
        purpose=attempt.purpose,
        binding=attempt.binding,
        origin=attempt.origin,
        now=attempt.now,
    )


def _check_recovery(attempt: Try) -> str:
    use_recovery_code(user=attempt.user, code=attempt.code, origin=attempt.origin, now=attempt.now)
    return "recovery-code"


_CHECKS: dict[str, Callable[[Try], str]] = {
    queries.PASSKEY: _check_passkey,
    queries.APP: _check_app,
    queries.PHONE: _check_phone,
    queries.RECOVERY: _check_recovery,
}
