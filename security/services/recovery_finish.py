"""Remove the lost factors of a recovered person, and let them add new ones in the same sign-in."""

import uuid
from datetime import datetime

from django.db import transaction

from accounts import services as accounts
from accounts.models import User
from console.core.access import Actor
from console.core.events import EventKind
from console.core.ratelimit import Limit, spend
from console.core.requests import Origin
from security import queries
from security.models import (
    AuthenticatorDevice,
    PasskeyChallenge,
    PasskeyDevice,
    PhoneChange,
    PhoneDevice,
    RecoveryCode,
    RecoveryRequest,
)
from security.services.recovery_links import refuse
from security.services.recovery_request import lock_open, note, send_link

State = RecoveryRequest.State
_LINKS = Limit("recovery-link", 5, 86_400)


def check_finish_link(*, public_id: uuid.UUID, number: int, now: datetime) -> RecoveryRequest:
    """Return the request whose newest link this is, for the page that asks for the password.

    :raises RecoveryRefused: if the link was used, is too old, or the request is over
    """
    with transaction.atomic():
        return _lock(public_id, number, now)


def _lock(public_id: uuid.UUID, number: int, now: datetime) -> RecoveryRequest:
    rows = RecoveryRequest.objects.select_for_update(of=("self",)).select_related("user")
    row = rows.filter(public_id=public_id, state=State.USED).first()
    if row is None:
        row = lock_open(public_id, now=now)
        if row.state != State.READY:
            refuse("over")
    elif not queries.is_recovering(row.user):
        refuse("used")
    if row.link_number != number:
        refuse("used")
    if row.expires_at <= now:
        refuse("expired")
    return row


@transaction.atomic
def finish_recovery(*, public_id: uuid.UUID, number: int, user: User, origin: Origin, now: datetime) -> None:
    """Remove every factor and recovery code of the person, and end all their sessions; the link is used up.

    The caller has checked the person's password, and goes on with their sign-in.

    :raises RecoveryRefused: if the link was used, is too old, somebody else's, or the request is over
    """
    row = _lock(public_id, number, now)
    if row.user_id != user.pk:
        refuse("altered")
    locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    removed = _remove_factors(locked)
    row.state, row.used_at, row.closed_at, row.closed_by = State.USED, now, now, "link"
    row.link_number, row.notice_at = row.link_number + 1, None
    row.save()
    actor = Actor(user=locked, kind="visitor", origin=origin)
    note(EventKind.RECOVERY_DONE, row, actor, removed=removed)


def _remove_factors(user: User) -> list[str]:
    found = queries.factors_of(user)
    kinds = {
        queries.PASSKEY: bool(found.passkeys),
        queries.APP: found.has_authenticator,
        queries.PHONE: found.has_phone,
        queries.RECOVERY: found.codes_left > 0,
    }
    for model in (
        AuthenticatorDevice,
        PasskeyDevice,
        PhoneDevice,
        RecoveryCode,
        PhoneChange,
        PasskeyChallenge,
    ):
        model.objects.filter(user=user).delete()
    # The number is a factor as well: it is verified anew, as at the very first sign-in.
    User.objects.filter(pk=user.pk).update(phone="", phone_verified_at=None)
    accounts.end_other_sessions(user=user, keep=None)
    return [kind for kind, is_there in kinds.items() if is_there]


def send_another_link(*, user: User, now: datetime) -> None:
    """Mail another link to a person whose factors are removed and who has not added new ones yet.

    :raises TooManyRequests: at a limit
    """
    spend(_LINKS, str(user.pk), now=now)
    with transaction.atomic():
        used = RecoveryRequest.objects.select_for_update(of=("self",)).select_related("user")
        row = used.filter(user=user, state=State.USED).order_by("-used_at").first()
        if row is not None and queries.is_recovering(user):
            send_link(row, now=now)
