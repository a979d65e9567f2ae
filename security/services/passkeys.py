"""Add, name and remove passkeys, put questions to them, and judge their answers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts import services as accounts
from accounts.models import Session, User
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.ratelimit import Limit, spend
from console.core.requests import Origin
from security import queries, webauthn
from security.models import PasskeyChallenge, PasskeyDevice
from security.services.errors import FactorMissing, WrongFactor
from security.services.removal import require_other_factor, settle_for_phone
from security.services.weakness import decide_weakness

Purpose = PasskeyChallenge.Purpose
_LIVES = timedelta(minutes=5)
_ASKED = Limit("passkey-question", 60, 3600)
_REFUSED = "That passkey was not accepted. Try again, or use another way."


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """What the person wants: a name for the new passkey, and which one it takes the place of, if any."""

    name: str
    replaces: UUID | None = None


class PasskeyRefused(DomainError):
    """The new passkey can't be added."""

    code = "passkey_refused"
    field = "code"


class QuestionOver(DomainError):
    """The question was answered before, took too long, or was never asked here."""

    code = "passkey_over"
    field = "code"


class PasskeysFull(DomainError):
    """The person has as many passkeys as they may."""

    code = "passkeys_full"


class NoSuchPasskey(DomainError):
    """The person has no such passkey."""

    code = "not_found"


def ask_passkey(*, user: User, purpose: str, binding: str, now: datetime) -> dict[str, Any]:
    """Return a new question for the browser; one asked before in the same sign-in or session is forgotten.

    :raises FactorMissing: if the person has no passkey that could answer
    :raises PasskeysFull: if another one would be too many
    :raises TooManyRequests: at a limit
    """
    devices = queries.passkeys_of(user)
    if purpose == Purpose.REGISTER:
        _require_room(len(devices))
    elif not devices:
        raise FactorMissing("You have no passkey. Choose another way.")
    spend(_ASKED, str(user.pk), now=now)
    challenge = webauthn.new_challenge()
    values = {"challenge": challenge, "created_at": now, "expires_at": now + _LIVES}
    PasskeyChallenge.objects.update_or_create(user=user, purpose=purpose, binding=binding, defaults=values)
    known = [webauthn.KnownKey(bytes(device.credential_id), device.transports) for device in devices]
    facts: dict[str, Any] = {"challenge": challenge, "known": known, "seconds": int(_LIVES.total_seconds())}
    if purpose != Purpose.REGISTER:
        return webauthn.assertion_options(**facts)
    return webauthn.registration_options(
        user_id=user.public_id.bytes, email=user.email, name=user.audit_label, **facts
    )


def add_passkey(
    *,
    user: User,
    new: NewPasskey,
    answer: str,
    binding: str,
    keep: Session | None,
    origin: Origin,
    now: datetime,
    proved: Iterable[str] = (),
) -> PasskeyDevice:
    """Add the passkey that the answer brings; every other session of the person ends.

    A passkey that it takes the place of is gone in the same moment, so that a stolen one opens nothing more,
    even if it is the last.

    ``proved`` names the factors that vouch for the new one.

    :raises QuestionOver: if the question was answered, took too long, or was asked elsewhere
    :raises PasskeyRefused: if the answer does not fit, or the key is known already
    """
    challenge = _take(user=user, purpose=Purpose.REGISTER, binding=binding, now=now)
    try:
        key = webauthn.check_registration(answer, challenge=challenge)
    except webauthn.AnswerRefused as error:
        raise PasskeyRefused("This passkey can't be added. Try again, or use another one.") from error
    try:
        weak_until = decide_weakness(user=user, proved=proved, now=now)
        device = PasskeyDevice(user=user, name=new.name, created_at=now, weak_until=weak_until)
        return _keep(device, key, replaces=new.replaces, keep=keep, origin=origin)
    except IntegrityError as error:
        raise PasskeyRefused("This passkey is known already. Use another one.") from error


@transaction.atomic
def _keep(
    device: PasskeyDevice,
    key: webauthn.NewKey,
    *,
    replaces: UUID | None,
    keep: Session | None,
    origin: Origin,
) -> PasskeyDevice:
    user, actor = device.user, Actor.person(device.user, origin=origin)
    _lock(user)
    if old := _own(user).filter(public_id=replaces).first() if replaces else None:
        _delete(old, actor, reason="replaced")
    _require_room(len(queries.passkeys_of(user)))
    for name in ("credential_id", "public_key", "sign_count", "transports", "aaguid", "is_backed_up"):
        setattr(device, name, getattr(key, name))
    device.save()
    facts = {"factor": queries.PASSKEY, "name": device.name, "aaguid": str(key.aaguid)}
    record(EventKind.FACTOR_ADDED, actor=actor, target=device, **facts)
    accounts.end_other_sessions(user=user, keep=keep)
    return device


@transaction.atomic
def rename_passkey(*, user: User, public_id: UUID, name: str, origin: Origin) -> PasskeyDevice:
    """Give the passkey another name.

    :raises NoSuchPasskey: if the person has none of that id
    """
    device = _find(user, public_id)
    before, device.name = device.name, name
    if before != name:
        device.save(update_fields=["name"])
        facts = {"factor": queries.PASSKEY, "before": before, "after": name}
        record(EventKind.FACTOR_RENAMED, actor=Actor.person(user, origin=origin), target=device, **facts)
    return device


@transaction.atomic
def remove_passkey(
    *, user: User, public_id: UUID, keep: Session | None, origin: Origin, now: datetime
) -> PasskeyDevice:
    """Remove the passkey; every other session of the person ends.

    :raises NoSuchPasskey: if the person has none of that id
    :raises FactorNeeded: if nothing else would protect the sign-in
    """
    _lock(user)
    device = _find(user, public_id)
    require_other_factor(user=user, without=device)
    _delete(device, Actor.person(user, origin=origin), reason="removed")
    settle_for_phone(user=user, now=now)
    accounts.end_other_sessions(user=user, keep=keep)
    return device


def use_passkey(*, user: User, answer: str, purpose: str, binding: str, origin: Origin, now: datetime) -> str:
    """Use up the question that the answer belongs to, and return the name of the proved method.

    :raises QuestionOver: if the question was answered, took too long, or was asked elsewhere
    :raises WrongFactor: if the answer does not fit, or the key may be a copy
    """
    challenge = _take(user=user, purpose=purpose, binding=binding, now=now)
    with transaction.atomic():
        device = _named(user, answer)
        use = _proved(device, answer, challenge)
        # Keys that are synced do not count; the others count up at each use.
        is_sound = use.sign_count > device.sign_count or use.sign_count == device.sign_count == 0
        if is_sound:
            _note_use(device, use, now)
        else:
            _warn(device, use, Actor.person(user, origin=origin))
    # Raised after the commit, so that the warning stays recorded.
    if not is_sound:
        raise WrongFactor("This passkey was refused: it may have been copied. Use another way.")
    return queries.PASSKEY


def _take(*, user: User, purpose: str, binding: str, now: datetime) -> bytes:
    """Return the open question's challenge, and close the question whatever becomes of the answer."""
    with transaction.atomic():
        asked = PasskeyChallenge.objects.select_for_update().filter(
            user=user, purpose=purpose, binding=binding
        )
        question = asked.first()
        if question is not None:
            question.delete()
    if question is None or question.expires_at <= now:
        raise QuestionOver("This took too long or was answered already. Press the button again.")
    return bytes(question.challenge)


def _named(user: User, answer: str) -> PasskeyDevice:
    try:
        credential_id = webauthn.named_key(answer)
    except webauthn.AnswerRefused as error:
        raise WrongFactor(_REFUSED) from error
    device = _own(user).filter(credential_id=credential_id).first()
    if device is None:
        raise WrongFactor(_REFUSED)
    return device


def _proved(device: PasskeyDevice, answer: str, challenge: bytes) -> webauthn.Use:
    try:
        return webauthn.check_assertion(
            answer,
            challenge=challenge,
            public_key=bytes(device.public_key),
            user_id=device.user.public_id.bytes,
        )
    except webauthn.AnswerRefused as error:
        raise WrongFactor(_REFUSED) from error


def _note_use(device: PasskeyDevice, use: webauthn.Use, now: datetime) -> None:
    device.sign_count, device.is_backed_up, device.last_used_at = use.sign_count, use.is_backed_up, now
    device.save(update_fields=["sign_count", "is_backed_up", "last_used_at"])


def _warn(device: PasskeyDevice, use: webauthn.Use, actor: Actor) -> None:
    facts = {"name": device.name, "last_counter": device.sign_count, "counter": use.sign_count}
    record(EventKind.PASSKEY_COPY_SUSPECTED, actor=actor, target=device, **facts)


def _delete(device: PasskeyDevice, actor: Actor, *, reason: str) -> None:
    facts = {"factor": queries.PASSKEY, "name": device.name, "reason": reason}
    record(EventKind.FACTOR_REMOVED, actor=actor, target=device, **facts)
    device.delete()


def _own(user: User) -> QuerySet[PasskeyDevice]:
    """Return the person's passkeys under lock."""
    return PasskeyDevice.objects.select_for_update().filter(user=user, confirmed=True)


def _find(user: User, public_id: UUID) -> PasskeyDevice:
    device = _own(user).filter(public_id=public_id).first()
    if device is None:
        raise NoSuchPasskey("There is no such passkey.")
    return device


def _require_room(count: int) -> None:
    if count >= settings.CONSOLE_PASSKEYS:
        raise PasskeysFull(f"You have {count} passkeys, as many as one person can. Remove one first.")


def _lock(user: User) -> None:
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
