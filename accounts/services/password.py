"""Set, reset and change passwords."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import EmailLink, Session, User
from accounts.passwords import Advice, advise, personal_words
from accounts.queries import rules
from accounts.services import lockout
from accounts.services.hashing import hash_password, hashing_slot, is_right
from accounts.services.links import LinkRefused, check_link, make_link, use_link
from accounts.services.mail_ceiling import count_mail
from accounts.services.sessions import end_other_sessions
from console.core import crypto
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from console.core.ratelimit import Limit, spend
from console.core.requests import Origin

_PER_NETWORK_HOUR = 30
_HOUR, _DAY = 3600, 86_400


class WrongPassword(DomainError):
    """The present password is another one."""

    code = "wrong_password"
    field = "current"


class PasswordRefused(DomainError):
    """The policy refuses the new password; ``reasons`` say why, ``advice`` what would help."""

    code = "password_refused"
    field = "password"

    def __init__(self, reasons: list[str], advice: Advice) -> None:
        super().__init__(" ".join(reasons))
        self.reasons, self.advice = reasons, advice


@dataclass(frozen=True, slots=True)
class _Names:
    full_name: str
    email: str
    company_name: str


def check_policy(password: str, *, user: User) -> None:
    """Judge a new password with the names of the person and the company.

    :raises PasswordRefused: with all reasons
    """
    companies = " ".join(user.opened_accounts.values_list("name", flat=True)[:3]) if user.pk else ""
    names: Any = _Names(user.full_name, user.email, companies)
    try:
        validate_password(password, user=names)
    except ValidationError as error:
        words = personal_words(names.full_name, names.email, names.company_name)
        raise PasswordRefused(error.messages, advise(password, words=words)) from error


def request_reset(*, email: str, origin: Origin, now: datetime) -> None:
    """Ask for a reset link; known and unknown addresses do the same work here.

    :raises TooManyRequests: if the address or the network asks too often
    """
    _spend_mail(email.lower(), origin, now)
    _record_request(email.lower(), origin)


def _spend_mail(email_key: str, origin: Origin, now: datetime) -> None:
    spend(Limit("reset-network", _PER_NETWORK_HOUR, _HOUR), rules.network_key(origin.ip), now=now)
    soon = "A link was asked for a moment ago. Look for it in your inbox, or wait a minute."
    spend(Limit("reset-soon", 1, settings.CONSOLE_MAIL_COOLDOWN_SECONDS), email_key, now=now, message=soon)
    often = "Enough links were asked for today. Use the newest one, or try again tomorrow."
    spend(Limit("reset-day", settings.CONSOLE_MAILS_PER_DAY, _DAY), email_key, now=now, message=often)
    # Known and unknown addresses count alike, so that the ceiling tells nobody which is which.
    count_mail(now=now)


@transaction.atomic
def _record_request(email_key: str, origin: Origin) -> None:
    user = User.objects.filter(email_key=email_key, is_active=True).first()
    actor = Actor(user=user, kind="visitor", origin=origin)
    if user is None:
        record(EventKind.PASSWORD_RESET_UNKNOWN, actor=actor)
    elif user.email_verified_at is None:
        record(EventKind.ACTIVATION_REQUESTED, actor=actor, target=user, mails=True)
    else:
        record(EventKind.PASSWORD_RESET_REQUESTED, actor=actor, target=user)


def make_reset_link(*, user: User, now: datetime) -> EmailLink:
    """Make the one live reset link of the user, bound to the present password."""
    lives_for = timedelta(minutes=settings.CONSOLE_RESET_MINUTES)
    state = _password_state(user)
    return make_link(
        user=user, purpose=EmailLink.Purpose.RESET, lives_for=lives_for, now=now, state_digest=state
    )


def check_reset_link(*, link_id: uuid.UUID, now: datetime, lock: bool = False) -> EmailLink:
    """Return the live reset link.

    :raises LinkRefused: if it opens nothing, or the password changed since it was made
    """
    link = check_link(public_id=link_id, purpose=EmailLink.Purpose.RESET, now=now, lock=lock)
    if not crypto.same(bytes(link.state_digest), _password_state(link.user)):
        raise LinkRefused("The password was changed after this link was sent.", code="used")
    return link


def _password_state(user: User) -> bytes:
    return crypto.keyed_digest(user.password, purpose="password-state")


def reset_password(*, link_id: uuid.UUID, password: str, origin: Origin, now: datetime) -> User:
    """Set the password by a mailed link, and end every session of the user.

    :raises LinkRefused: if the link opens nothing any more
    :raises PasswordRefused: if the policy refuses the password; the link stays good
    """
    link = check_reset_link(link_id=link_id, now=now)
    check_policy(password, user=link.user)
    return _use_link(link_id, hash_password(password), origin=origin, now=now)


@transaction.atomic
def _use_link(link_id: uuid.UUID, encoded: str, *, origin: Origin, now: datetime) -> User:
    link = check_reset_link(link_id=link_id, now=now, lock=True)
    use_link(link, now=now)
    _store(link.user, encoded, now=now)
    end_other_sessions(user=link.user, keep=None)
    lockout.forgive(user=link.user, device_key="", origin=origin)
    record(EventKind.PASSWORD_RESET, actor=Actor.person(link.user, origin=origin), target=link.user)
    return link.user


def change_password(
    *, actor: Actor, session: Session, device_key: str, current: str, password: str, now: datetime
) -> None:
    """Change the actor's password; every session but this one ends.

    :raises WrongPassword: if the present one does not match; it is counted like a failed sign-in
    :raises TooManyRequests: while too many tries were wrong
    :raises PasswordRefused: if the policy refuses the new one
    """
    actor.require(Permission.SELF_MANAGE)
    user, origin = actor.user, actor.origin
    buckets = lockout.buckets_of(email=user.email_key, device_key=device_key, origin=origin)
    with hashing_slot():
        taken = lockout.take(buckets, now=now)
        is_current = is_right(current, user)
    if not is_current:
        with transaction.atomic():
            lockout.record_lock(user, taken, origin=origin, now=now)
        raise WrongPassword("This is not your present password.")
    lockout.give_back(taken)
    check_policy(password, user=user)
    _change(user, session, hash_password(password), origin=origin, now=now)


@transaction.atomic
def _change(user: User, session: Session, encoded: str, *, origin: Origin, now: datetime) -> None:
    _store(User.objects.select_for_update().get(pk=user.pk), encoded, now=now)
    count = end_other_sessions(user=user, keep=session)
    actor = Actor.person(user, origin=origin)
    record(EventKind.PASSWORD_CHANGED, actor=actor, target=user, sessions_ended=count)


def _store(user: User, encoded: str, *, now: datetime) -> None:
    user.password, user.password_changed_at = encoded, now
    user.save(update_fields=["password", "password_changed_at"])
