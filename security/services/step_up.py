"""Hold a sensitive act until its author confirmed it's them, and hand it out once."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import PhoneCode, Session, User
from accounts.services.hashing import hashing_slot, is_right
from console.core import crypto
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.ratelimit import Limit, spend
from console.core.requests import Origin
from security.models import HeldAct
from security.queries import PASSWORD
from security.services.errors import WrongFactor
from security.services.held_files import Upload, hold_files, spend_files, take_files
from security.services.second_factor import Try, is_guess, note_wrong, prove_factor

HELD_FOR = timedelta(minutes=15)
# What was typed into an act that is over can be looked at for this long, to send it again.
KEPT_FOR = timedelta(hours=1)
LARGEST_BODY = 262_144
_TRIES = Limit("step-up", 15, 3600)
_HELD = Limit("held-acts", 120, 3600)


class ActOver(DomainError):
    """The act was carried out, or waited too long."""

    code = "act_over"


@dataclass(frozen=True, slots=True)
class Act:
    """A POST as it was sent: full path, encoded body, files, and the page it came from."""

    path: str
    body: str
    back: str
    files: tuple[Upload, ...] = ()
    has_files: bool = False


def hold_act(*, user: User, session: Session, act: Act, now: datetime) -> HeldAct:
    """Keep the act, encrypted, for a quarter of an hour; acts that nobody confirmed are forgotten."""
    spend(_HELD, str(user.pk), now=now)
    if act.files:
        spend_files(user.pk, now=now)
    with transaction.atomic():
        HeldAct.objects.filter(user=user, expires_at__lt=now - KEPT_FOR).delete()
        return _hold(user, session, act, now)


def _hold(user: User, session: Session, act: Act, now: datetime) -> HeldAct:
    held = HeldAct(
        user=user,
        session_id=session.public_id,
        path=act.path.partition("?")[0][:2000],
        expires_at=now + HELD_FOR,
    )
    sealed = {"path": act.path, "body": act.body, "back": act.back, "has_files": bool(act.files)}
    held.sealed_body = crypto.encrypt(json.dumps(sealed).encode(), context=held.context)
    held.save()
    hold_files(held, act.files)
    return held


def open_act(held: HeldAct) -> Act:
    """Return the act that the row holds, without its files."""
    return Act(**json.loads(crypto.decrypt(bytes(held.sealed_body), context=held.context)))


@transaction.atomic
def take_act(*, held: HeldAct, now: datetime) -> Act:
    """Return the act with its files for the one time it is carried out.

    :raises ActOver: if it was taken before or waited too long
    """
    row = HeldAct.objects.select_for_update().get(pk=held.pk)
    if row.replayed_at is not None:
        raise ActOver("This was done already.")
    if row.expires_at <= now:
        raise ActOver("This waited too long and was not done.")
    row.replayed_at = now
    row.save(update_fields=["replayed_at"])
    return replace(open_act(row), files=take_files(row))


def confirm_person(
    *, user: User, session: Session, method: str, secret: str, origin: Origin, now: datetime
) -> str:
    """Check a fresh factor or the password, and mark the session as confirmed.

    :raises WrongFactor: if it does not match; the try is counted, the session goes on
    :raises TooManyRequests: if the person has to wait
    """
    spend(_TRIES, str(session.public_id), now=now)
    attempt = Try(user, secret, PhoneCode.Purpose.STEP_UP, session.public_id.hex, origin, now)
    try:
        proved = _prove_password(attempt) if method == PASSWORD else prove_factor(attempt, method)
    except DomainError as error:
        if is_guess(error):
            note_wrong(attempt, EventKind.STEP_UP_FAILED, method)
        raise
    with transaction.atomic():
        Session.objects.filter(pk=session.pk).update(confirmed_at=now)
        record(EventKind.STEP_UP_PASSED, actor=Actor.person(user, origin=origin), target=user, method=proved)
    return proved


def _prove_password(attempt: Try) -> str:
    with hashing_slot():
        is_accepted = is_right(attempt.code, attempt.user)
    if not is_accepted:
        raise WrongFactor("That is not your password.")
    return PASSWORD
