"""Send six-digit codes to phones and check them: for one purpose, one number, one sign-in or session."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import phonenumbers
from django.conf import settings
from django.db import transaction

from accounts.models import PhoneCode, User
from accounts.phone_rules import Phone, PhonePurpose, PhoneRefused, check_phone
from accounts.queries import rules
from console.core import crypto
from console.core.access import Actor
from console.core.errors import DomainError, TooManyRequests
from console.core.events import EventKind, record
from console.core.ratelimit import Limit, spend
from console.core.requests import Origin
from console.core.texts import queue_text

Channel = Literal["sms", "voice"]
_HOUR, _DAY = 3600, 24 * 3600
_LATER = "Too many codes were sent. Try again later."
_log = logging.getLogger("console.alarm")


class CodeNotSent(DomainError):
    """No code goes to this number, or not in this way."""


class WrongCode(DomainError):
    """The code is not the one that was sent."""

    code = "wrong"

    def __init__(self, tries_left: int) -> None:
        tries = "1 try" if tries_left == 1 else f"{tries_left} tries"
        super().__init__(f"This is not the code we sent. {tries} left.", field="code")
        self.tries_left = tries_left


class CodeExpired(DomainError):
    """The code is too old."""

    code = "expired"


class CodeSpent(DomainError):
    """The code was used, replaced, tried too often, or never asked for."""

    code = "spent"


def request_phone_code(
    *,
    user: User,
    purpose: PhoneCode.Purpose,
    number: str,
    channel: Channel,
    binding: str,
    origin: Origin,
    now: datetime,
) -> PhoneCode:
    """Send a new code; the previous one for the purpose ends. A fixed line is called instead of texted.

    ``binding`` names the sign-in or session that asks; the code works nowhere else.

    :raises CodeNotSent: if no code goes to the number, or a call is asked for too early
    :raises TooManyRequests: at a limit, or right after another code
    """
    phone = _check_number(number)
    if not phone.can_sms:
        channel = "voice"
    _check_wait(user, purpose, phone, channel, binding, now)
    _count(user, phone.e164, origin, now)
    with transaction.atomic():
        # The lock puts two requests of one user after each other.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        _check_wait(user, purpose, phone, channel, binding, now)
        PhoneCode.objects.filter(user=user, purpose=purpose, ended_at=None).update(ended_at=now)
        made, code = _make(user, purpose, phone.e164, channel, binding, now)
        _queue(made, code)
        record(
            EventKind.PHONE_CODE_REQUESTED,
            actor=Actor.person(user, origin=origin),
            target=user,
            purpose=str(purpose),
            channel=channel,
            number=phone.masked,
        )
    return made


def seconds_to_wait(*, user: User, purpose: PhoneCode.Purpose, binding: str, now: datetime) -> int:
    """Return the seconds until the next text or call may be asked for, for the countdown on the page."""
    asked = PhoneCode.objects.filter(user=user, purpose=purpose, binding=binding).order_by("-id").first()
    return _wait_after(asked, now) if asked else 0


def check_phone_code(
    *,
    user: User,
    purpose: PhoneCode.Purpose,
    binding: str,
    code: str,
    now: datetime,
    number: str | None = None,
) -> PhoneCode:
    """Use up the live code of the purpose, binding and number.

    :raises WrongCode: if it is another code, with the tries left
    :raises CodeExpired: after its minutes
    :raises CodeSpent: if there is no live code, or this was the last wrong try
    :raises TooManyRequests: above the tries of a user in a day, over all codes
    """
    limit = Limit("phone-code-tries", settings.CONSOLE_CODE_TRIES_PER_USER_DAY, _DAY)
    spend(limit, str(user.pk), now=now, message="Too many codes were tried today. Try again tomorrow.")
    return _unwrap(_judge(user, purpose, binding, code, number, now))


@dataclass(frozen=True, slots=True)
class _Verdict:
    # Raised outside the transaction, or the count of wrong tries would be rolled back.
    row: PhoneCode | None = None
    error: DomainError | None = None


def _unwrap(verdict: _Verdict) -> PhoneCode:
    if verdict.row is None:
        raise verdict.error or _spent()
    return verdict.row


@transaction.atomic
def _judge(user: User, purpose: str, binding: str, code: str, number: str | None, now: datetime) -> _Verdict:
    rows = PhoneCode.objects.select_for_update().filter(
        user=user, purpose=purpose, binding=binding, ended_at=None
    )
    row = rows.filter(number=number).first() if number else rows.first()
    if row is None:
        return _Verdict(error=_spent())
    if row.expires_at <= now:
        _end(row, now)
        minutes = settings.CONSOLE_CODE_MINUTES
        return _Verdict(error=CodeExpired(f"A code works for {minutes} minutes. Ask for a new one."))
    if crypto.same(bytes(row.digest), _digest(row, _digits(code))):
        _end(row, now)
        return _Verdict(row=row)
    return _Verdict(error=_count_wrong(row, now))


def _count_wrong(row: PhoneCode, now: datetime) -> DomainError:
    row.tries += 1
    row.save(update_fields=["tries"])
    left = settings.CONSOLE_CODE_TRIES - row.tries
    if left > 0:
        return WrongCode(left)
    _end(row, now)
    return CodeSpent(f"{row.tries} wrong tries end a code. Ask for a new one.")


def _spent() -> CodeSpent:
    return CodeSpent("There is no code to check any more. Ask for a new one.")


def _end(row: PhoneCode, now: datetime) -> None:
    row.ended_at = now
    row.save(update_fields=["ended_at"])


def _digits(code: str) -> str:
    return code.replace(" ", "")[:20]


def _digest(row: PhoneCode, code: str) -> bytes:
    return crypto.keyed_digest(f"{row.public_id}:{code}", purpose="phone-code")


def _check_number(number: str) -> Phone:
    try:
        return check_phone(
            number,
            country=None,
            blocked_prefixes=rules.blocked_prefixes(),
            purpose=PhonePurpose.SECOND_FACTOR,
        )
    except PhoneRefused as error:
        raise CodeNotSent(str(error), code=error.code) from error


def _check_wait(user: User, purpose: str, phone: Phone, channel: str, binding: str, now: datetime) -> None:
    asked = (
        PhoneCode.objects.filter(user=user, purpose=purpose, binding=binding, number=phone.e164)
        .order_by("-id")
        .first()
    )
    if asked is None and channel == "voice" and phone.can_sms:
        raise CodeNotSent(
            "A call comes after a text that did not arrive. Ask for a text first.", code="early"
        )
    if asked and (left := _wait_after(asked, now)):
        raise TooManyRequests(f"A code is on its way. Ask again in {left} seconds.", retry_after=left)


def _wait_after(asked: PhoneCode, now: datetime) -> int:
    passed = (now - asked.created_at).total_seconds()
    return max(0, -int(passed // 1) + settings.CONSOLE_VOICE_AFTER_SECONDS)


def _count(user: User, number: str, origin: Origin, now: datetime) -> None:
    country = str(phonenumbers.parse(number).country_code)
    limits = (
        ("user", settings.CONSOLE_CODES_PER_USER_HOUR, str(user.pk)),
        ("address", settings.CONSOLE_CODES_PER_ADDRESS_HOUR, rules.network_key(origin.ip)),
        ("number", settings.CONSOLE_CODES_PER_NUMBER_HOUR, number),
        ("country", settings.CONSOLE_CODES_PER_COUNTRY_HOUR, country),
        ("ceiling", settings.CONSOLE_CODES_CEILING_HOUR, "all"),
    )
    for scope, count, key in limits:
        try:
            spend(Limit(f"phone-code-{scope}", count, _HOUR), key, now=now, message=_LATER)
        except TooManyRequests:
            if scope in {"country", "ceiling"}:
                _log.critical("ceiling reached", extra={"ceiling": f"texts per {scope}", "country": country})
            raise


def _make(
    user: User, purpose: str, number: str, channel: str, binding: str, now: datetime
) -> tuple[PhoneCode, str]:
    code = crypto.random_digits(6)
    row = PhoneCode(
        user=user,
        purpose=purpose,
        number=number,
        binding=binding,
        channel=channel,
        created_at=now,
        expires_at=now + timedelta(minutes=settings.CONSOLE_CODE_MINUTES),
    )
    row.digest = _digest(row, code)
    row.save()
    return row, code


def _queue(row: PhoneCode, code: str) -> None:
    text = (
        f"{code} is your {settings.SITE_NAME} code. It works for {settings.CONSOLE_CODE_MINUTES} minutes. "
        f"Nobody from {settings.SITE_NAME} will ask for it."
    )
    key = f"phone-code:{row.public_id}"
    queue_text(channel=row.channel, to=row.number, text=text, key=key, expires_at=row.expires_at)
