"""Open and end the sessions of people."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.models import Device, Session, User
from accounts.queries import rules
from accounts.queries.devices import device_name
from accounts.queries.sessions import sessions_of
from accounts.services import lockout
from console.core import crypto
from console.core.access import Actor
from console.core.addresses import parse_address
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.geo import place_of
from console.core.models import OutgoingMail
from console.core.permissions import Permission
from console.core.requests import Origin

_NETWORKS_KEPT = 20
_FACTORS = ("recovery-code", "passkey", "totp", "voice", "sms", "phone", "password")


class NoSuchSession(DomainError):
    """The session is over, or somebody else's."""

    code = "not_found"


class ProofMissing(DomainError):
    """The person must prove more than they did: their account was locked down while they signed in."""

    code = "proof_missing"


@dataclass(frozen=True, slots=True)
class Opened:
    """An opened session: the key by which the browser is known next time."""

    device_key: str


@transaction.atomic
def open_session(
    *,
    session: Session,
    user: User,
    methods: list[str],
    device_key: str,
    origin: Origin,
    now: datetime,
    binding: str = "",
) -> Opened:
    """Sign the user in on the session's browser; the oldest session above the limit ends.

    :raises ProofMissing: if they must prove more than usual since an account of theirs was locked down
    """
    person = User.objects.select_for_update().get(pk=user.pk)
    if person.reverify_since is not None:
        raise ProofMissing("Sign in again: an account of yours was locked down a moment ago.")
    reasons = _reasons(person, device_key, origin, now)
    lockout.forgive(user=person, device_key=device_key, origin=origin)
    key, device, news = _recognise(person, device_key, origin, now)
    _fill(session, person, device, methods, origin, now)
    _end_oldest(person, keep=session, origin=origin, now=now)
    person.last_login = now
    person.save(update_fields=["last_login"])
    _record_opening(person, session, device, news, reasons, binding=binding, origin=origin)
    return Opened(key)


def _reasons(user: User, device_key: str, origin: Origin, now: datetime) -> dict[str, Any]:
    """Return what is unusual about the sign-in beside device and network."""
    reasons: dict[str, Any] = {}
    failures = lockout.failures_of(user=user, device_key=device_key, origin=origin)
    if failures >= settings.CONSOLE_SIGN_IN_TRIES:
        reasons["after_failures"] = failures
    absence = timedelta(days=settings.CONSOLE_ABSENCE_DAYS)
    if user.last_login is not None and now - user.last_login > absence:
        reasons["absent_since"] = user.last_login
    return reasons


def _recognise(
    user: User, device_key: str, origin: Origin, now: datetime
) -> tuple[str, Device, dict[str, bool]]:
    """Return the device with its key, and what is new about it; at the very first sign-in nothing is."""
    known = list(Device.objects.filter(user=user))
    key = device_key if _is_issued(device_key) else secrets.token_urlsafe(32)
    digest = crypto.token_digest(key)
    found = next((device for device in known if bytes(device.digest) == digest), None)
    network = rules.network_key(origin.ip)
    is_new_network = not any(network in device.networks for device in known)
    device = found or Device(user=user, digest=digest, first_seen_at=now)
    device.last_seen_at, device.user_agent = now, origin.user_agent
    device.networks = [*(name for name in device.networks if name != network), network][-_NETWORKS_KEPT:]
    device.save()
    return key, device, {"device": bool(known) and found is None, "network": bool(known) and is_new_network}


def _is_issued(device_key: str) -> bool:
    # A key that somebody planted in the browser is never adopted; one that a colleague got here is.
    return bool(device_key) and Device.objects.filter(digest=crypto.token_digest(device_key)).exists()


def _fill(
    session: Session, user: User, device: Device, methods: list[str], origin: Origin, now: datetime
) -> None:
    session.user, session.device = user, device
    session.signed_in_at = session.last_seen_at = session.confirmed_at = now
    session.method = next((name for name in _FACTORS if name in methods), methods[-1] if methods else "")
    session.ip, session.user_agent = origin.ip, origin.user_agent
    session.place = str(place_of(parse_address(origin.ip or "")))[:120]
    columns = ["user", "device", "signed_in_at", "last_seen_at", "confirmed_at", "method"]
    session.save(update_fields=[*columns, "ip", "user_agent", "place"])


def _end_oldest(user: User, *, keep: Session, origin: Origin, now: datetime) -> None:
    limit = settings.CONSOLE_SESSIONS_PER_STAFF if user.is_staff else settings.CONSOLE_SESSIONS_PER_USER
    others = sessions_of(user, now=now).exclude(public_id=keep.public_id).order_by("-signed_in_at")
    for session in others[max(limit - 1, 0) :]:
        end_session(session)
        record(
            EventKind.SESSION_ENDED,
            actor=Actor.person(user, origin=origin),
            target=user,
            **_facts(session),
            reason="limit",
        )


def _record_opening(
    user: User,
    session: Session,
    device: Device,
    news: dict[str, bool],
    reasons: dict[str, Any],
    *,
    binding: str,
    origin: Origin,
) -> None:
    actor, facts = Actor.person(user, origin=origin), _facts(session) | reasons
    is_new = any(news.values())
    OutgoingMail.objects.filter(key=unfinished_key(binding), done_at=None).delete()
    record(EventKind.SIGN_IN_COMPLETED, actor=actor, target=user, **facts, binding=binding, is_new=is_new)
    if is_new:
        record(EventKind.NEW_DEVICE_SEEN, actor=actor, target=device, **facts, new=news)


def unfinished_key(binding: str) -> str:
    """Return the key of the mail about a sign-in that was begun and not finished."""
    return f"unfinished:{binding}"


def _facts(session: Session) -> dict[str, Any]:
    return {
        "session": str(session.public_id),
        "device": device_name(session.user_agent),
        "place": session.place,
        "method": session.method,
    }


def end_session(session: Session) -> None:
    """Delete the session; its cookie never works again."""
    Session.objects.filter(public_id=session.public_id).delete()


def end_other_sessions(*, user: User, keep: Session | None) -> int:
    """End the user's sessions but one, in the caller's transaction, and return how many ended."""
    others = Session.objects.filter(user=user)
    if keep is not None:
        others = others.exclude(public_id=keep.public_id)
    return others.delete()[0]


@transaction.atomic
def sign_out(*, session: Session | None, origin: Origin) -> None:
    """End the session by its owner's wish; an unfinished sign-in just goes."""
    if session is None:
        return
    end_session(session)
    if session.user is not None:
        actor = Actor.person(session.user, origin=origin)
        record(EventKind.SIGNED_OUT, actor=actor, target=session.user, **_facts(session))


@transaction.atomic
def close_session(*, actor: Actor, public_id: Any) -> Session:
    """End one of the actor's sessions.

    :raises NoSuchSession: if it is over or somebody else's
    """
    actor.require(Permission.SELF_MANAGE)
    session = Session.objects.filter(user=actor.user, public_id=public_id).first()
    if session is None:
        raise NoSuchSession("This session is over.")
    end_session(session)
    person = Actor.person(actor.user, origin=actor.origin)
    record(EventKind.SESSION_ENDED, actor=person, target=actor.user, **_facts(session), reason="asked")
    return session


@transaction.atomic
def close_other_sessions(*, actor: Actor, keep: Session) -> int:
    """End every session of the actor but this one, and return how many ended."""
    actor.require(Permission.SELF_MANAGE)
    count = end_other_sessions(user=actor.user, keep=keep)
    person = Actor.person(actor.user, origin=actor.origin)
    record(EventKind.SESSIONS_ENDED, actor=person, target=actor.user, count=count)
    return count
