"""Look up second factors, codes on their way, and what a person may confirm with."""

import math
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, FilteredRelation, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import Account, PhoneCode, User
from security.models import (
    AuthenticatorDevice,
    HeldAct,
    PasskeyDevice,
    PhoneChange,
    PhoneDevice,
    RecoveryCode,
    RecoveryRequest,
)
from security.sign_in_rules import enforced_rule
from teams.queries import members_of

PENDING_FOR = timedelta(minutes=30)
PASSKEY, APP, PHONE, RECOVERY, PASSWORD = "passkey", "app", "phone", "recovery", "password"
PROVIDER = "sso"


_WAITING = RecoveryRequest.objects.filter(
    closed_at=None,
    state__in=[RecoveryRequest.State.VERIFIED, RecoveryRequest.State.APPROVED, RecoveryRequest.State.READY],
)


@dataclass(frozen=True, slots=True)
class Factors:
    """Which second factors a person has; only ``passkeys`` resist a page that imitates ours."""

    has_phone: bool
    has_authenticator: bool
    codes_left: int
    passkeys: tuple[PasskeyDevice, ...] = ()

    @property
    def has_strong(self) -> bool:
        """Say whether a factor other than the phone exists."""
        return self.has_authenticator or bool(self.passkeys)

    @property
    def has_any(self) -> bool:
        """Say whether a sign-in can ask for a second factor."""
        return self.has_phone or self.has_strong


@dataclass(frozen=True, slots=True)
class CodeSent:
    """The newest phone code of one sign-in or session, as its page shows it.

    ``wait`` is how many seconds pass before another text or a call may be asked for.
    """

    number: str
    channel: str
    is_live: bool
    tries_left: int
    wait: int

    @property
    def ending(self) -> str:
        """Return the last two digits of the number."""
        return self.number[-2:]


@dataclass(frozen=True, slots=True)
class CodeBatch:
    """The person's recovery codes: how many are left, and when they were made and last used."""

    made_at: datetime | None
    used_at: datetime | None
    count: int
    left: int
    weak_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class CodeDevices:
    """Where a person gets codes from, and the new number that waits for its code."""

    phone: PhoneDevice | None
    authenticator: AuthenticatorDevice | None
    change: PhoneChange | None


def factors_of(user: User) -> Factors:
    """Return the person's factors."""
    own = {"user": OuterRef("pk"), "confirmed": True}
    unused = Count("recovery_codes", filter=Q(recovery_codes__used_at=None))
    phones, apps = PhoneDevice.objects.filter(**own), AuthenticatorDevice.objects.filter(**own)
    person = User.objects.filter(pk=user.pk).annotate(
        left=unused, phone_is=Exists(phones), app_is=Exists(apps)
    )
    has_phone, has_authenticator, left = person.values_list("phone_is", "app_is", "left").get()
    return Factors(has_phone, has_authenticator, left, tuple(passkeys_of(user)))


def code_devices_of(user: User, *, now: datetime) -> CodeDevices:
    """Return the person's phone, app and waiting number in one query."""
    phone = FilteredRelation("phonedevice", condition=Q(phonedevice__confirmed=True))
    app = FilteredRelation("authenticatordevice", condition=Q(authenticatordevice__confirmed=True))
    people: Any = User.objects.filter(pk=user.pk).annotate(own_phone=phone, own_app=app)
    found = people.select_related("own_phone", "own_app", "phone_change").first()
    change = getattr(found, "phone_change", None)
    return CodeDevices(
        phone=getattr(found, "own_phone", None),
        authenticator=getattr(found, "own_app", None),
        change=change if change and change.expires_at > now else None,
    )


def methods_of(user: User) -> list[str]:
    """Return the second factors that the person may use, strongest first.

    Staff, and members of an account that asks for more, use the phone only until they have an authenticator app
    or a passkey.
    """
    factors = factors_of(user)
    uses_phone = factors.has_phone and not (factors.has_strong and _asks_more_than_phone(user))
    offered = {
        PASSKEY: bool(factors.passkeys),
        APP: factors.has_authenticator,
        PHONE: uses_phone,
        RECOVERY: factors.codes_left > 0,
    }
    return [method for method, is_offered in offered.items() if is_offered]


def _asks_more_than_phone(user: User) -> bool:
    return user.is_staff or enforced_rule(user, now=timezone.now()) is not None


def has_chosen_phone(user: User) -> bool:
    """Say whether the person decided to go on with phone codes."""
    return PhoneDevice.objects.filter(user=user, confirmed=True).exclude(chosen_at=None).exists()


def has_kept_codes(user: User) -> bool:
    """Say whether the person has a recovery code and said that it is kept."""
    return RecoveryCode.objects.filter(user=user, used_at=None).exclude(kept_at=None).exists()


def find_authenticator(user: User) -> AuthenticatorDevice | None:
    """Return the person's confirmed authenticator app."""
    return AuthenticatorDevice.objects.filter(user=user, confirmed=True).first()


def passkeys_of(user: User) -> list[PasskeyDevice]:
    """Return the person's passkeys, the oldest first."""
    return list(PasskeyDevice.objects.filter(user=user, confirmed=True).order_by("created_at", "pk"))


def find_passkey(user: User, public_id: uuid.UUID) -> PasskeyDevice | None:
    """Return the person's passkey with this id."""
    return PasskeyDevice.objects.filter(user=user, confirmed=True, public_id=public_id).first()


def find_phone(user: User) -> PhoneDevice | None:
    """Return the person's phone as a second factor."""
    return PhoneDevice.objects.filter(user=user, confirmed=True).first()


def find_phone_change(user: User, *, now: datetime) -> PhoneChange | None:
    """Return the new number that waits for its code, unless it waited too long."""
    return PhoneChange.objects.filter(user=user, expires_at__gt=now).first()


def find_pending(user: User, public_id: str, *, now: datetime) -> AuthenticatorDevice | None:
    """Return the app that this browser is adding, unless it took too long."""
    if not public_id:
        return None
    pending = AuthenticatorDevice.objects.filter(user=user, confirmed=False, public_id=public_id)
    return pending.filter(created_at__gt=now - PENDING_FOR).first()


def find_code(user: User, *, purpose: str, binding: str, now: datetime) -> CodeSent | None:
    """Return what is known about the newest code that this sign-in or session asked for."""
    asked = PhoneCode.objects.filter(user=user, purpose=purpose, binding=binding).order_by(
        "-created_at", "-pk"
    )
    code = asked.first()
    if code is None:
        return None
    again_at = code.created_at + timedelta(seconds=settings.CONSOLE_VOICE_AFTER_SECONDS)
    return CodeSent(
        number=code.number,
        channel=code.channel,
        is_live=code.ended_at is None and code.expires_at > now,
        tries_left=max(settings.CONSOLE_CODE_TRIES - code.tries, 0),
        wait=max(math.ceil((again_at - now).total_seconds()), 0),
    )


def codes_of(user: User) -> CodeBatch:
    """Return the state of the person's recovery codes."""
    rows = RecoveryCode.objects.filter(user=user)
    summary = rows.aggregate(
        made=Max("created_at"),
        left=Count("pk", filter=Q(used_at=None)),
        total=Count("pk"),
        used=Max("used_at"),
        weak_until=Max("weak_until", filter=Q(used_at=None)),
    )
    return CodeBatch(
        summary["made"], summary["used"], summary["total"], summary["left"], summary["weak_until"]
    )


def factor_columns(user: OuterRef) -> dict[str, Exists]:
    """Return, as parts of a query about ``user``, which second factors are confirmed, strongest first."""
    models: dict[str, type[Any]] = {
        "has_passkey": PasskeyDevice,
        "has_app": AuthenticatorDevice,
        "has_phone": PhoneDevice,
    }
    return {name: Exists(model.objects.filter(user=user, confirmed=True)) for name, model in models.items()}


def members_with_factors(account: Account) -> QuerySet[Any]:
    """Return the live memberships of the account with their people and which second factors each has."""
    return members_of(account).annotate(**factor_columns(OuterRef("user_id")))


def count_members(account: Account) -> dict[str, int]:
    """Return how many members the account has, and how many have neither an app nor a passkey."""
    rows = members_with_factors(account).order_by()
    without = Count("pk", filter=Q(has_app=False, has_passkey=False))
    return rows.aggregate(all=Count("pk"), without=without)


def is_recovering(user: User) -> bool:
    """Say whether a recovery removed the person's factors and no sign-in was finished since."""
    rows = RecoveryRequest.objects.filter(user=user, state=RecoveryRequest.State.USED)
    last = User.objects.filter(pk=user.pk).values_list("last_login", flat=True).first()
    return (rows if last is None else rows.filter(used_at__gt=last)).exists()


def find_waiting_recovery(user: User) -> RecoveryRequest | None:
    """Return the recovery that will remove the person's factors unless somebody cancels it."""
    return _WAITING.filter(user=user).first()


def has_waiting_recovery(user: OuterRef) -> Exists:
    """Return, as a part of a query about ``user``, whether a recovery waits to remove their factors."""
    return Exists(_WAITING.filter(user=user))


def find_held(public_id: uuid.UUID, *, user: User, session_id: uuid.UUID) -> HeldAct | None:
    """Return the act that waits for this person in this session."""
    return HeldAct.objects.filter(public_id=public_id, user=user, session_id=session_id).first()
