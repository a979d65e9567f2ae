"""Change the phone number: the old one works until the new one is verified."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from accounts import services as accounts
from accounts.models import PhoneCode, Session, User
from accounts.phone_rules import mask_phone
from accounts.services.phone_codes import Channel
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.requests import Origin
from security import queries
from security.models import PhoneChange, PhoneDevice
from security.services.weakness import decide_weakness

_WAITS = timedelta(hours=1)
_CHANGE = PhoneCode.Purpose.CHANGE


class SamePhone(DomainError):
    """The new number is the old one, or there is no old one."""

    code = "same_number"
    field = "number"


class ChangeOver(DomainError):
    """No change waits any more."""

    code = "change_over"


def ask_phone_change(*, user: User, number: str, binding: str, origin: Origin, now: datetime) -> PhoneChange:
    """Send a code to the new number, and keep the number for an hour; one asked for before is forgotten.

    ``binding`` names the session that asks; the code works nowhere else.

    :raises SamePhone: if the number is the person's already, or they never had one
    :raises CodeNotSent: if no code goes to the number
    :raises TooManyRequests: at a limit, or right after another code
    """
    if not PhoneDevice.objects.filter(user=user, confirmed=True).exists():
        raise SamePhone("There is no phone number to change.")
    if number == user.phone:
        raise SamePhone("This is your number already.")
    _request_code(user, number, "sms", binding, origin, now)
    return _keep(user, number, origin, now)


@transaction.atomic
def _keep(user: User, number: str, origin: Origin, now: datetime) -> PhoneChange:
    locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    values = {"number": number, "created_at": now, "expires_at": now + _WAITS}
    change, _ = PhoneChange.objects.update_or_create(user=locked, defaults=values)
    _record(EventKind.PHONE_CHANGE_ASKED, locked, origin, before=locked.phone, after=number)
    return change


def send_change_code(*, user: User, channel: Channel, binding: str, origin: Origin, now: datetime) -> None:
    """Send another code to the number that waits.

    :raises ChangeOver: if none waits
    :raises TooManyRequests: at a limit, or right after another code
    """
    change = _find(user, now)
    _request_code(user, change.number, channel, binding, origin, now)


def confirm_phone_change(
    *,
    user: User,
    code: str,
    binding: str,
    keep: Session | None,
    origin: Origin,
    now: datetime,
    proved: Iterable[str] = (),
) -> PhoneDevice:
    """Put the new number in the place of the old one; every other session of the person ends.

    ``proved`` names the factors that vouch for the new number.

    :raises ChangeOver: if no change waits any more
    :raises WrongCode: if it is another code; the try is counted
    """
    change = _find(user, now)
    # The try is counted in a transaction of its own: a wrong code must not be forgotten.
    sent = accounts.check_phone_code(
        user=user, purpose=_CHANGE, binding=binding, code=code, now=now, number=change.number
    )
    with transaction.atomic():
        locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        _take(locked, sent.number)
        before = locked.phone
        accounts.confirm_phone(user=user, number=sent.number, origin=origin, now=now)
        device = _renew(locked, decide_weakness(user=locked, proved=proved, now=now), now)
        _record(EventKind.PHONE_CHANGED, locked, origin, before=before, after=sent.number)
        accounts.end_other_sessions(user=user, keep=keep)
    return device


@transaction.atomic
def cancel_phone_change(*, user: User, origin: Origin, now: datetime) -> bool:
    """Forget the number that waits, and return whether there was one."""
    locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    change = PhoneChange.objects.filter(user=locked).first()
    if change is None:
        return False
    change.delete()
    PhoneCode.objects.filter(user=locked, purpose=_CHANGE, ended_at=None).update(ended_at=now)
    _record(EventKind.PHONE_CHANGE_CANCELLED, locked, origin, before=locked.phone, after=change.number)
    return True


def _find(user: User, now: datetime) -> PhoneChange:
    change = queries.find_phone_change(user, now=now)
    if change is None:
        raise ChangeOver("This took too long or was cancelled, so nothing changed. Begin again.")
    return change


def _take(user: User, number: str) -> None:
    deleted, _ = PhoneChange.objects.filter(user=user, number=number).delete()
    if not deleted:
        raise ChangeOver("This change was cancelled. Your old number goes on working.")


def _renew(user: User, weak_until: datetime | None, now: datetime) -> PhoneDevice:
    device = PhoneDevice.objects.select_for_update().get(user=user)
    device.weak_until = weak_until
    device.created_at = device.last_used_at = now
    device.throttle_reset(commit=False)
    device.save()
    return device


def _request_code(
    user: User, number: str, channel: Channel, binding: str, origin: Origin, now: datetime
) -> None:
    accounts.request_phone_code(
        user=user, purpose=_CHANGE, number=number, channel=channel, binding=binding, origin=origin, now=now
    )


def _record(kind: EventKind, user: User, origin: Origin, *, before: str, after: str) -> None:
    actor = Actor.person(user, origin=origin)
    record(kind, actor=actor, target=user, before=mask_phone(before), after=mask_phone(after))
