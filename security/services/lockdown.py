"""Lock an account down in one transaction: sessions, tokens, and whatever later apps add."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from accounts.models import Account, Device, EmailLink, PhoneCode, Session, User
from accounts.services import lockdown as accounts
from accounts.services.links import LinkRefused
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from console.core.ratelimit import Limit, spend
from console.core.requests import Origin
from security.compromise_queries import open_lockdown
from security.models import Lockdown, MailCode
from security.services.second_factor import Try, is_guess, note_wrong, prove_factor
from teams.models import Invitation
from teams.queries import member_ids_of, memberships_of, resolve_actor

Step = Callable[[Account, Actor, datetime], int]
_TOKENS_NAMED = 100
_TRIES = Limit("lockdown-link", 15, 3600)


class NotTheirs(DomainError):
    """The person is neither owner nor admin of the account."""

    code = "not_theirs"
    field = "account"


@dataclass(frozen=True, slots=True)
class Locked:
    """The lock-down of an account; ``is_new`` is False when it was locked down already."""

    row: Lockdown
    is_new: bool


def lock_down(*, actor: Actor, keep: Session | None, now: datetime, link: EmailLink | None = None) -> Locked:
    """End every session but one, revoke every token, have every member prove themselves, and stop the rest.

    ``settings.LOCKDOWN_STEPS`` says what is stopped: words for the page, and the path of a function that gets
    account, actor and instant inside this transaction and returns how many it stopped. One that breaks undoes all.
    """
    actor.require(Permission.SECURITY_MANAGE)
    with transaction.atomic():
        # The lock puts two admins, two tabs and two clicks after each other.
        account = Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)
        found = open_lockdown(account)
        if found and account.tokens_held_at:
            return Locked(found, is_new=False)
        if found:
            _close_for_new(found, actor, now)
        row = Lockdown.objects.create(account=account, begun_by=actor.user, begun_at=now, link=link)
        accounts.mark_locked(account, now=now)
        _stop_everything(row, actor, keep, now)
    return Locked(row, is_new=True)


def _close_for_new(found: Lockdown, actor: Actor, now: datetime) -> None:
    """End a lock-down whose tokens were let go already: the next one begins from the start."""
    found.closed_at, found.closed_by = now, actor.user
    found.save(update_fields=["closed_at", "closed_by"])


def _stop_everything(row: Lockdown, actor: Actor, keep: Session | None, now: datetime) -> None:
    tokens = [str(token) for token in accounts.live_tokens(row.account, now=now)]
    counts = {label: _step(path)(row.account, actor, now) for label, path in settings.LOCKDOWN_STEPS.items()}
    # Last: whoever signs in meanwhile waits for the members' rows, and must prove more then.
    counts["Sessions ended"] = accounts.end_sessions_of(member_ids_of(row.account), keep=keep)
    row.counts = counts
    row.save(update_fields=["counts"])
    facts = {"counts": counts, "tokens": tokens[:_TOKENS_NAMED], "by_link": row.link_id is not None}
    record(EventKind.ACCOUNT_LOCKED_DOWN, actor=actor, target=row, account=row.account, at=now, **facts)


def _step(path: str) -> Step:
    step: Step = import_string(path)
    return step


def reverify_members(account: Account, actor: Actor, now: datetime) -> int:
    """Have every member prove themselves once more; codes on their way end. A step of the lock-down."""
    ids = member_ids_of(account)
    count = accounts.ask_again(ids, now=now)
    MailCode.objects.filter(user_id__in=ids, ended_at=None).update(ended_at=now)
    return count


def revoke_invitations(account: Account, actor: Actor, now: datetime) -> int:
    """Take every open invitation back: a stranger may have invited themselves. A step of the lock-down."""
    rows = Invitation.objects.of(account).filter(accepted_at=None, revoked_at=None)
    return rows.filter(expires_at__gt=now).update(revoked_at=now)


def check_lockdown_link(*, link_id: UUID, now: datetime) -> EmailLink:
    """Return the link when it may lock an account down: also after it ended the sessions of its person.

    :raises LinkRefused: if it is unknown, too old, or locked an account down before
    """
    rows = EmailLink.objects.select_related("user").filter(purpose=EmailLink.Purpose.NOT_ME)
    link = rows.filter(public_id=link_id).first()
    if link is None:
        raise LinkRefused("This link is not complete.", code="altered")
    if Lockdown.unscoped.filter(link=link).exists():
        raise LinkRefused("This link was used already.", code="used")
    if link.expires_at <= now or link.email != link.user.email or not link.user.is_active:
        raise LinkRefused("This link is too old.", code="expired")
    return link


def lock_down_by_link(*, link: EmailLink, actor: Actor, now: datetime) -> Locked:
    """Lock an account down for the person of a "this wasn't me" link, who proved a factor; once for each link.

    The device that the mail was about is forgotten, and a link that sets a new password is mailed.

    :raises LinkRefused: if the link locked an account down before
    """
    actor.require(Permission.SECURITY_MANAGE)
    with transaction.atomic():
        row = EmailLink.objects.select_for_update(of=("self",)).get(pk=link.pk)
        if Lockdown.unscoped.filter(link=row).exists():
            raise LinkRefused("This link was used already.", code="used")
        locked = lock_down(actor=actor, keep=None, now=now, link=row)
        if not locked.is_new:
            _end_kept_sessions(locked.row.account, actor, now)
        if row.used_at is None:
            row.used_at = now
            row.save(update_fields=["used_at"])
        Device.objects.filter(user=actor.user, digest=bytes(row.state_digest)).delete()
        person = Actor(user=actor.user, kind="visitor", origin=actor.origin)
        record(EventKind.DEVICE_DISOWNED, actor=person, target=actor.user, sessions_ended=0)
        record(EventKind.PASSWORD_RESET_REQUESTED, actor=person, target=actor.user)
    return locked


def _end_kept_sessions(account: Account, actor: Actor, now: datetime) -> None:
    """End the session that the first lock-down kept, and those opened since: one may be a stranger's."""
    reverify_members(account, actor, now)
    accounts.end_sessions_of(member_ids_of(account), keep=None)


def lockable_by(user: User, *, origin: Origin) -> list[Actor]:
    """Return the person as the actor of each account that they may lock down."""
    actors = [
        resolve_actor(user, auth_id=membership.account.auth_id, origin=origin)
        for membership in memberships_of(user)
    ]
    return [actor for actor in actors if actor is not None and actor.can(Permission.SECURITY_MANAGE)]


def lock_down_from_mail(
    *, link_id: UUID, auth_id: str, method: str, code: str, origin: Origin, now: datetime
) -> Locked:
    """Lock an account down from a "this wasn't me" mail, by a second factor and without a session.

    :raises LinkRefused: if the link is too old or was used for it
    :raises WrongFactor: if the code does not match; the try is counted
    :raises TooManyRequests: after too many tries
    :raises NotTheirs: if the person may not lock that account down
    """
    link = check_lockdown_link(link_id=link_id, now=now)
    spend(_TRIES, str(link.user_id), now=now)
    actor = next(
        (found for found in lockable_by(link.user, origin=origin) if found.account.auth_id == auth_id), None
    )
    if actor is None:
        raise NotTheirs("Choose an account of which you are owner or admin.")
    attempt = Try(link.user, code, PhoneCode.Purpose.STEP_UP, link.public_id.hex, origin, now)
    try:
        prove_factor(attempt, method)
    except DomainError as error:
        if is_guess(error):
            note_wrong(attempt, EventKind.STEP_UP_FAILED, method)
        raise
    return lock_down_by_link(link=link, actor=actor, now=now)
