"""Look up where a person is signed in."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from accounts.models import Session, User
from accounts.queries.devices import device_name, is_phone

_NEVER = 10_000
_UNKNOWN = "unknown place"
METHODS = {
    "password": "Password",
    "phone": "Phone code",
    "sms": "Phone code",
    "voice": "Phone call",
    "totp": "Authenticator app",
    "passkey": "Passkey",
    "recovery-code": "Recovery code",
    "sso": "Single sign-on",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session may idle, and how long it may last; names of the accounts that ask for it, if any."""

    idle: timedelta
    absolute: timedelta
    idle_by: str = ""
    absolute_by: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """One place where the person is signed in, as the page shows it."""

    session: Session
    device: str
    method: str
    is_phone: bool
    is_current: bool

    @property
    def name(self) -> str:
        """Name the place, or nothing when only the address is known."""
        return "" if self.session.place in {"", _UNKNOWN} else self.session.place


def limits_for(user: User) -> Limits:
    """Return the limits of the user's sessions: those of the strictest of their accounts; staff have shorter ones."""
    rules = list(
        import_string(settings.ACCOUNTS_OF)(user).exclude(session_idle_minutes=None, session_hours=None)
    )
    idle = min(rules, key=lambda account: account.session_idle_minutes or _NEVER, default=None)
    hours = min(rules, key=lambda account: account.session_hours or _NEVER, default=None)
    limits = _limits(
        user, idle.session_idle_minutes if idle else None, hours.session_hours if hours else None
    )
    basic = _limits(user, None, None)
    return replace(
        limits,
        idle_by=idle.name if idle and limits.idle < basic.idle else "",
        absolute_by=hours.name if hours and limits.absolute < basic.absolute else "",
    )


def _limits(user: User, idle_rule: int | None, hours_rule: int | None) -> Limits:
    if user.is_staff:
        minutes, hours = settings.CONSOLE_STAFF_IDLE_MINUTES, settings.CONSOLE_STAFF_SESSION_HOURS
    else:
        minutes, hours = settings.CONSOLE_SESSION_IDLE_MINUTES, settings.CONSOLE_SESSION_HOURS
    return Limits(
        timedelta(minutes=min(minutes, idle_rule or minutes)),
        timedelta(hours=min(hours, hours_rule or hours)),
    )


def limits_of(session: Session) -> Limits:
    """Return the limits of a session that was read with the rules of its user's accounts."""
    if session.user is None:
        raise LookupError("Nobody is signed in here.")
    return _limits(session.user, session.idle_rule, session.hours_rule)


def ended_by(session: Session, *, now: datetime) -> str:
    """Return why the session is over ("idle" or "absolute"), or an empty text while it lives."""
    if session.user is None:
        return ""
    limits = limits_of(session)
    if now - (session.signed_in_at or session.last_seen_at) > limits.absolute:
        return "absolute"
    return "idle" if now - session.last_seen_at > limits.idle else ""


def sessions_of(user: User, *, now: datetime, limits: Limits | None = None) -> QuerySet[Session]:
    """Return the user's live sessions, the one seen last first."""
    limits = limits or limits_for(user)
    return Session.objects.filter(
        user=user,
        expire_date__gt=now,
        last_seen_at__gte=now - limits.idle,
        signed_in_at__gte=now - limits.absolute,
    ).order_by("-last_seen_at", "-signed_in_at")


def places_of(user: User, *, current: Session | None, limits: Limits, now: datetime) -> list[Place]:
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
        for session in sessions_of(user, now=now, limits=limits)
    ]
    return sorted(found, key=lambda place: not place.is_current)
