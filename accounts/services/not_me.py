"""Answer "this wasn't me": end what a stranger may have opened."""

import uuid
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Device, EmailLink, User
from accounts.services.links import check_link, make_link, use_link
from accounts.services.sessions import end_other_sessions
from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.requests import Origin

NOT_ME_KEY = "not_me_link"
_LIVES_FOR = timedelta(days=7)


def make_not_me_link(*, user: User, device: Device | None, now: datetime) -> EmailLink:
    """Make a link for one mail; it remembers which device the mail is about."""
    digest = bytes(device.digest) if device else b""
    purpose = EmailLink.Purpose.NOT_ME
    return make_link(user=user, purpose=purpose, lives_for=_LIVES_FOR, now=now, state_digest=digest)


@transaction.atomic
def disown_sign_in(*, link_id: uuid.UUID, origin: Origin, now: datetime) -> None:
    """End all sessions and unfinished sign-ins of the link's user, forget the device, mail a reset link; once.

    :raises LinkRefused: if the link was used, altered or is too old
    """
    link = check_link(public_id=link_id, purpose=EmailLink.Purpose.NOT_ME, now=now, lock=True)
    use_link(link, now=now)
    count = end_other_sessions(user=link.user, keep=None)
    Device.objects.filter(user=link.user, digest=bytes(link.state_digest)).delete()
    actor = Actor(user=link.user, kind="visitor", origin=origin)
    record(EventKind.DEVICE_DISOWNED, actor=actor, target=link.user, sessions_ended=count)
    record(EventKind.PASSWORD_RESET_REQUESTED, actor=actor, target=link.user)
