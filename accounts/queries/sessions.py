"""Look up where a person is signed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from accounts.models import Session, User
from accounts.queries.devices import device_name, is_phone

METHODS = {
    "password": "Password",
    "phone": "Phone code",
    "sms": "Phone code",
    "voice": "Phone call",
    "totp": "Authenticator app",
    "recovery-code": "Recovery code",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session may idle, and how long it may last."""

    idle: timedelta
    absolute: timedelta


@dataclass(frozen=True, slots=True)
class Place:
    """One place where the person is signed in, as the page shows it."""

    session: Session
    device: str
    method: str
    is_phone: bool
    is_current: bool


def limits_for(user: User) -> Limits:
    """Return the limits of the user's sessions; staff have shorter ones."""
    if user.is_staff:
        minutes, hours = settings.CONSOLE_STAFF_IDLE_MINUTES, settings.CONSOLE_STAFF_SESSION_HOURS
    else:
        minutes, hours = settings.CONSOLE_SESSION_IDLE_MINUTES, settings.CONSOLE_SESSION_HOURS
    return Limits(timedelta(minutes=minutes), timedelta(hours=hours))


def ended_by(session: Session, *, now: datetime) -> str:
    """Return why the session is over ("idle" or "absolute"), or an empty text while it lives."""
    if session.user is None:
        return ""
    limits = limits_for(session.user)
    if now - (session.signed_in_at or session.last_seen_at) > limits.absolute:
        return "absolute"
    return "idle" if now - session.last_seen_at > limits.idle else ""


def sessions_of(user: User, *, now: datetime) -> QuerySet[Session]:
    """Return the user's live sessions, the one seen last first."""
    limits = limits_for(user)
    return Session.objects.filter(
        user=user,
        expire_date__gt=now,
        last_seen_at__gte=now - limits.idle,
        signed_in_at__gte=now - limits.absolute,
    ).order_by("-last_seen_at", "-signed_in_at")


def places_of(user: User, *, current: Session | None, now: datetime) -> list[Place]:
    """Return where the user is signed in, this device first."""
    here = current.public_id if current else None
    found = [
        Place(
            session=session,
            device=device_name(session.user_agent),
            method=METHODS.get(session.method, session.method.capitalize()),
            is_phone=is_phone(session.user_agent),
            is_current=session.public_id == here,
        )
        for session in sessions_of(user, now=now)
    ]
    return sorted(found, key=lambda place: not place.is_current)
