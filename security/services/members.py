"""End the sessions of members, as owner or admin, when something looks wrong."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import Session, User
from accounts.queries.devices import device_name
from accounts.services import lockdown as accounts
from accounts.services.sessions import end_session
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from security.compromise_queries import member_of
from security.models import MailCode
from teams.queries import member_ids_of


class NoSuchMember(DomainError):
    """The account has no such member, or they are not signed in there."""

    code = "not_found"


@transaction.atomic
def end_member_session(*, actor: Actor, public_id: UUID) -> Session:
    """End one session of a member.

    :raises NoSuchMember: if it is over, or of somebody who is no member
    """
    actor.require(Permission.SECURITY_MANAGE)
    rows = Session.objects.filter(user_id__in=member_ids_of(actor.account), public_id=public_id)
    session = rows.select_related("user").first()
    if session is None or session.user is None:
        raise NoSuchMember("This session is over.")
    end_session(session)
    facts: dict[str, Any] = {"device": device_name(session.user_agent), "place": session.place}
    record(EventKind.MEMBER_SIGNED_OUT, actor=actor, target=session.user, **facts, sessions_ended=1)
    return session


@transaction.atomic
def sign_member_out(*, actor: Actor, public_id: UUID, keep: Session, now: datetime) -> User:
    """End every session of a member, and have them prove more than usual at the next sign-in.

    The actor's own session goes on, when the member is the actor.

    :raises NoSuchMember: if there is no such member
    """
    actor.require(Permission.SECURITY_MANAGE)
    member = member_of(actor.account, public_id)
    if member is None:
        raise NoSuchMember("There is no such member.")
    accounts.ask_again([member.user_id], now=now)
    MailCode.objects.filter(user_id=member.user_id, ended_at=None).update(ended_at=now)
    count = accounts.end_sessions_of([member.user_id], keep=keep)
    record(
        EventKind.MEMBER_SIGNED_OUT, actor=actor, target=member.user, sessions_ended=count, must_reverify=True
    )
    user: User = member.user
    return user
