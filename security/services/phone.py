"""Make a phone number a second factor."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from accounts import services as accounts
from accounts.models import PhoneCode, User
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.requests import Origin
from security import queries
from security.models import PhoneDevice
from security.services.weakness import decide_weakness
from security.sign_in_rules import enforced_rule

_NAME = "Phone code"


class PhoneNotEnough(DomainError):
    """The person has to use an authenticator app."""

    code = "app_needed"


def verify_phone(
    *, user: User, code: str, binding: str, origin: Origin, now: datetime, proved: Iterable[str] = ()
) -> PhoneDevice:
    """Prove the number with its code, and make the phone a second factor, vouched for by what was proved."""
    # The try is counted in a transaction of its own: a wrong code must not be forgotten.
    sent = accounts.check_phone_code(
        user=user, purpose=PhoneCode.Purpose.VERIFY, binding=binding, code=code, now=now
    )
    with transaction.atomic():
        accounts.confirm_phone(user=user, number=sent.number, origin=origin, now=now)
        weak_until = decide_weakness(user=user, proved=proved, now=now)
        values = {"name": _NAME, "confirmed": True, "last_used_at": now, "weak_until": weak_until}
        device, _ = PhoneDevice.objects.update_or_create(user=user, defaults=values)
        record(
            EventKind.FACTOR_ADDED,
            actor=Actor.person(user, origin=origin),
            target=device,
            factor=queries.PHONE,
        )
    return device


@transaction.atomic
def choose_phone(*, user: User, now: datetime) -> None:
    """Note that the person goes on with phone codes instead of an authenticator app.

    :raises PhoneNotEnough: for staff, for members of an account that asks for more, and without a phone
    """
    if user.is_staff:
        raise PhoneNotEnough("Staff sign in with an authenticator app.")
    if rule := enforced_rule(user, now=now):
        raise PhoneNotEnough(f"{rule.account.name} asks for an authenticator app or a passkey.")
    if not PhoneDevice.objects.filter(user=user, confirmed=True).update(chosen_at=now):
        raise PhoneNotEnough("There is no verified phone. Add an authenticator app.")
