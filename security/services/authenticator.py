"""Add, replace and remove an authenticator app."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from accounts import services as accounts
from accounts.models import PhoneCode, Session, User
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.requests import Origin
from security import otp, queries
from security.models import AuthenticatorDevice, PhoneDevice
from security.services.errors import WrongFactor
from security.services.removal import FactorNeeded, require_other_factor, settle_for_phone
from security.services.weakness import decide_weakness

_NAME = "Authenticator app"


class PhoneCodeFirst(DomainError):
    """The seed is shown only after a fresh code to the phone."""

    code = "phone_code_first"


class EnrolmentExpired(DomainError):
    """The app that was being added is gone or took too long."""

    code = "enrolment_expired"


@transaction.atomic
def start_authenticator(
    *, user: User, phone_proved_at: datetime | None, now: datetime
) -> AuthenticatorDevice:
    """Make a seed for an app that is not confirmed yet; the one before it is forgotten.

    :raises PhoneCodeFirst: if the person has a phone and proved it too long ago, or not at all
    """
    _lock(user)
    is_fresh = phone_proved_at is not None and now - phone_proved_at < timedelta(
        minutes=settings.CONSOLE_CODE_MINUTES
    )
    if not is_fresh and needs_phone_code(user):
        raise PhoneCodeFirst("Enter a code from your phone first.")
    AuthenticatorDevice.objects.filter(user=user, confirmed=False).delete()
    device = AuthenticatorDevice(user=user, name=_NAME, confirmed=False, created_at=now)
    device.seed = otp.new_seed()
    device.save()
    return device


def needs_phone_code(user: User) -> bool:
    """Say whether a code to the phone comes before the seed."""
    return PhoneDevice.objects.filter(user=user, confirmed=True).exists()


def start_with_phone_code(*, user: User, code: str, binding: str, now: datetime) -> AuthenticatorDevice:
    """Check the code that was sent to the phone, and make the seed."""
    accounts.check_phone_code(
        user=user, purpose=PhoneCode.Purpose.ENROL, binding=binding, code=code, now=now, number=user.phone
    )
    return start_authenticator(user=user, phone_proved_at=now, now=now)


@transaction.atomic
def confirm_authenticator(
    *,
    user: User,
    public_id: str,
    code: str,
    keep: Session | None,
    origin: Origin,
    now: datetime,
    proved: Iterable[str] = (),
) -> AuthenticatorDevice:
    """Add the app once it shows the right code; it takes the place of the one before.

    Every other session of the person ends. ``proved`` names the factors that vouch for the new one.

    :raises EnrolmentExpired: if the seed is gone or too old
    :raises WrongFactor: if the code does not match
    """
    _lock(user)
    device = queries.find_pending(user, public_id, now=now)
    if device is None:
        raise EnrolmentExpired("This took too long, so the code was withdrawn. Begin again.")
    step = otp.matching_step(device.seed, code, now=now)
    if step is None:
        raise WrongFactor("That code didn't match. Enter the one your app shows now.")
    actor = Actor.person(user, origin=origin)
    device.weak_until = decide_weakness(user=user, proved=proved, now=now)
    _forget_confirmed(user, actor, reason="replaced")
    device.confirmed, device.created_at = True, now
    device.accept(step, now)
    record(EventKind.FACTOR_ADDED, actor=actor, target=device, factor=queries.APP)
    accounts.end_other_sessions(user=user, keep=keep)
    return device


@transaction.atomic
def remove_authenticator(*, user: User, keep: Session | None, origin: Origin, now: datetime) -> None:
    """Remove the app; every other session of the person ends.

    :raises FactorNeeded: if nothing else would protect the sign-in
    """
    _lock(user)
    device = queries.find_authenticator(user)
    if device is None:
        raise FactorNeeded("There is no authenticator app to remove.", code="no_factor")
    require_other_factor(user=user, without=device)
    _forget_confirmed(user, Actor.person(user, origin=origin), reason="removed")
    settle_for_phone(user=user, now=now)
    accounts.end_other_sessions(user=user, keep=keep)


def _forget_confirmed(user: User, actor: Actor, *, reason: str) -> None:
    old = AuthenticatorDevice.objects.select_for_update().filter(user=user, confirmed=True)
    for device in old:
        record(EventKind.FACTOR_REMOVED, actor=actor, target=device, factor=queries.APP, reason=reason)
    old.delete()


def _lock(user: User) -> None:
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
