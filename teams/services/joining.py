"""Let an invited person without a sign-in make one; the link proved the address, the phone and factors follow."""

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.models import Session, User
from accounts.queries import rules
from accounts.services.hashing import hash_password
from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.ratelimit import Limit, spend
from console.core.requests import Origin
from teams.links import Link, check_link
from teams.models import Invitation
from teams.services.errors import NotYours

_PER_NETWORK = Limit("invited-sign-up", 60, 3600)


def sign_up_invited(
    *, invitation: Invitation, full_name: str, password: str, origin: Origin, now: datetime
) -> User:
    """Make the person whom a live link invites, without an account of their own.

    Somebody may have signed up with the address and never confirmed it: the link proves who owns it, so their
    password and sessions end here.

    :raises InvitationRefused: if it ended while the person typed
    :raises NotYours: if the address has a confirmed owner; they sign in instead
    :raises TooManyRequests: above what one network may do
    """
    spend(_PER_NETWORK, rules.network_key(origin.ip), now=now)
    encoded = hash_password(password)
    try:
        return _store(invitation, full_name, encoded, origin, now)
    except IntegrityError as error:
        # The second of two clicks: the first one made the person.
        raise NotYours("This address has a sign-in already. Sign in to go on.") from error


def _check_still_live(invitation: Invitation, now: datetime) -> None:
    """Refuse an invitation that was taken back, sent anew or used since the page was opened."""
    rows = Invitation.unscoped.select_for_update(of=("self",)).select_related("account")
    held = rows.filter(pk=invitation.pk).first()
    check_link(held, Link(invitation.public_id, invitation.turn), now=now)


@transaction.atomic
def _store(invitation: Invitation, full_name: str, encoded: str, origin: Origin, now: datetime) -> User:
    _check_still_live(invitation, now)
    user = User.objects.select_for_update().filter(email_key=invitation.email_key).first()
    if user is not None and (user.email_verified_at is not None or not user.is_active):
        raise NotYours("This address has a sign-in already. Sign in to go on.")
    user = user or User(email=invitation.email, email_key=invitation.email_key, created_at=now)
    user.full_name, user.password, user.password_changed_at = full_name, encoded, now
    user.email_verified_at = user.terms_accepted_at = now
    user.save()
    Session.objects.filter(user=user).delete()
    actor = Actor.person(user, origin=origin)
    record(
        EventKind.USER_SIGNED_UP, actor=actor, target=user, mails=False, invitation=str(invitation.public_id)
    )
    record(EventKind.EMAIL_VERIFIED, actor=actor, target=user, email=user.email)
    return user
