"""Walk through a recovery: the person, two of the staff, and what time brings."""

import re
from datetime import timedelta

from django.contrib.auth.models import Group
from django.utils import timezone

from console.core.access import Actor
from security.models import RecoveryRequest
from security.services.recovery_request import advance_recoveries, ask_recovery, confirm_recovery
from security.services.recovery_staff import approve_recovery, verify_recovery
from tests.factories import make_user
from tests.security.steps import ORIGIN
from tests.work import mails_to

STORY = "My bag with phone and laptop was stolen on the train."
HOURS = timedelta(hours=72)


def make_staff(name, *groups, **fields):
    """Make one of the provider's staff, in these groups."""
    user = make_user(f"{name}@patchbay.example", full_name=name.title(), is_staff=True, **fields)
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


def staff_actor(user):
    """Return the staff member as an actor."""
    return Actor(user=user, kind="staff", origin=ORIGIN)


def ask(user, *, now=None):
    """Ask for recovery, and return the request."""
    ask_recovery(user=user, story=STORY, origin=ORIGIN, now=now or timezone.now())
    return newest(user)


def newest(user):
    """Return the person's newest request."""
    return RecoveryRequest.objects.filter(user=user).order_by("-pk").first()


def confirm(row, *, now=None):
    """Confirm the request by its mail."""
    confirm_recovery(public_id=row.public_id, origin=ORIGIN, now=now or timezone.now())
    return newest(row.user)


def verify(row, staff, *, now=None, evidence="video", remark="Passport shown, face matches"):
    """Verify who asks."""
    verify_recovery(
        actor=staff_actor(staff),
        public_id=row.public_id,
        evidence=evidence,
        remark=remark,
        now=now or timezone.now(),
    )
    return newest(row.user)


def approve(row, staff, *, now=None):
    """Approve what somebody else verified."""
    approve_recovery(actor=staff_actor(staff), public_id=row.public_id, now=now or timezone.now())
    return newest(row.user)


def make_ready(user, verifier, approver, *, asked_at):
    """Return a request whose link was sent, 72 hours after it was verified."""
    row = verify(confirm(ask(user, now=asked_at), now=asked_at), verifier, now=asked_at)
    approve(row, approver, now=asked_at + timedelta(hours=1))
    advance_recoveries(now=asked_at + HOURS)
    return newest(user)


def link_in(address, words):
    """Return the path of the newest mailed link that holds the words."""
    for message in reversed(mails_to(address)):
        found = re.findall(rf"https?://[^/\s]+(/{words}/[^\s]+)", message.body)
        if found:
            return found[-1]
    raise AssertionError(f"no link {words} was mailed to {address}")
