"""Mail both sides of every change in a team, and sweep ends that are due."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from celery import shared_task
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.models import Account, User
from console.core.events import EventKind, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from teams import services
from teams.links import address_of
from teams.models import Invitation
from teams.queries import contacts_of
from teams.roles import Role

K = EventKind


@dataclass(frozen=True, slots=True)
class Words:
    """What a change is called: to the member, to the owner and the admins."""

    to_member: str
    to_team: str
    text: str


_WORDS: Mapping[str, Words] = {
    K.MEMBER_JOINED: Words("You joined {account}", "{member} joined {account}", "The role is {role}."),
    K.MEMBER_ADDED: Words(
        "You are a member of {account} now",
        "{member} is a member of {account} now",
        "The company's directory added the membership. The role is {role}.",
    ),
    K.MEMBER_SUSPENDED: Words(
        "Your membership of {account} is suspended",
        "{member}'s membership of {account} is suspended",
        "Access ended at once, and so did named tokens they made.",
    ),
    K.MEMBER_RESTORED: Words(
        "Your membership of {account} goes on",
        "{member}'s membership of {account} goes on",
        "The role is {role}. Tokens that ended stay ended.",
    ),
    K.MEMBER_ROLE_CHANGED: Words(
        "Your role in {account} is {after} now",
        "{member} is {after} in {account} now",
        "Before it was {before}. The change counts from the next click on.",
    ),
    K.MEMBER_RAISED: Words(
        "You are Admin of {account} for a while",
        "{member} is Admin of {account} for a while",
        "Until {until}. Reason: {reason}",
    ),
    K.MEMBER_LOWERED: Words(
        "You are {role} in {account} again",
        "{member} is {role} in {account} again",
        "The time as Admin is over.",
    ),
    K.MEMBER_END_CHANGED: Words(
        "Your membership of {account} {ending}",
        "{member}'s membership of {account} {ending}",
        "Before: {ended}.",
    ),
    K.MEMBER_END_NEAR: Words(
        "Your membership of {account} ends soon",
        "{member}'s membership of {account} ends soon",
        "It ends {until}. The owner or an admin can set another day.",
    ),
    K.MEMBER_ENDED: Words(
        "Your membership of {account} has ended",
        "{member}'s membership of {account} has ended",
        "Named tokens they made have stopped working. The owner or an admin can set another day.",
    ),
    K.MEMBER_REMOVED: Words(
        "You were removed from {account}",
        "{member} was removed from {account}",
        "Access ended at once, and so did named tokens they made.",
    ),
    K.MEMBER_SESSIONS_ENDED: Words(
        "You were signed out everywhere",
        "{member} was signed out everywhere",
        "Signing in again works as before.",
    ),
    K.OWNERSHIP_TRANSFERRED: Words(
        "You are the owner of {account} now", "{member} is the owner of {account} now", "Reason: {reason}"
    ),
}
_GONE = {K.MEMBER_REMOVED, K.MEMBER_ENDED, K.MEMBER_SUSPENDED}


@shared_task(name="teams.sweep_ends")
def sweep_ends() -> None:
    """Tell about ends that come, and record those that came."""
    services.sweep_ends(now=timezone.now())


@shared_task(name="teams.open_reviews")
def open_reviews() -> None:
    """Open the access reviews of the quarter."""
    services.open_reviews(now=timezone.now())


@subscriber(EventKind.ACCESS_REVIEW_OPENED)
def mail_access_review(event: AuditEvent) -> None:
    """Ask owner and admins who still needs access."""
    account = Account.objects.get(pk=event.account_id or 0)
    context = {
        "account": account,
        "due_date": event.data["due_date"],
        "facts": [("Account", f"{account.name}, {account.auth_id}")],
        "button_url": settings.BASE_URL + reverse("teams:member_list", kwargs={"account": account.auth_id}),
        "button_label": "Open Team",
    }
    for person in contacts_of(account):
        key = f"event:{event.public_id}:{person.pk}"
        queue_mail("teams/access_review", to=person.email, key=key, context=context)


@subscriber(*(EventKind(kind) for kind in _WORDS))
def mail_member_change(event: AuditEvent) -> None:
    """Tell the member, and the owner and the admins, what was changed."""
    account = Account.objects.get(pk=event.account_id or 0)
    member = User.objects.get(pk=event.data["user"])
    words, values = _WORDS[event.kind], _values(event, account, member)
    base = {"text": words.text.format(**values), "facts": _facts(event, account)}
    own = base | _member_button(event, account) | {"heading": words.to_member.format(**values)}
    queue_mail("teams/to_member", to=member.email, key=f"event:{event.public_id}:member", context=own)
    url = settings.BASE_URL + reverse("teams:member_list", kwargs={"account": account.auth_id})
    team = base | {"heading": words.to_team.format(**values), "button_url": url, "button_label": "Open Team"}
    for person in contacts_of(account):
        if person.pk != member.pk:
            key = f"event:{event.public_id}:{person.pk}"
            queue_mail("teams/to_team", to=person.email, key=key, context=team)


def _values(event: AuditEvent, account: Account, member: User) -> dict[str, str]:
    before, after = event.data.get("before") or {}, event.data.get("after") or {}
    until = event.data.get("until") or event.data.get("ends_at")
    ends = after.get("ends_at")
    return {
        "account": account.name,
        "member": member.full_name or member.email,
        "role": str(event.data.get("role", "")),
        "before": str(before.get("role", "")),
        "after": str(after.get("role", "")),
        "reason": str(event.data.get("reason", "")),
        "until": _moment(until, account),
        "ending": f"ends {_moment(ends, account)}" if ends else "has no end now",
        "ended": _moment(before.get("ends_at"), account) or "no end",
    }


def _moment(text: Any, account: Account) -> str:
    moment = parse_datetime(str(text)) if text else None
    if moment is None:
        return ""
    with timezone.override(account.time_zone):
        return _spelled(timezone.localtime(moment))


def _spelled(moment: datetime) -> str:
    return f"{moment:%a} {moment.day} {moment:%b %Y, %H:%M} ({moment.tzname()})"


def _facts(event: AuditEvent, account: Account) -> list[tuple[str, str]]:
    others = {"user": event.actor_label, "scim": "The company's directory"}
    by = others.get(event.actor_kind, settings.SITE_NAME)
    return [("Account", f"{account.name}, {account.auth_id}"), ("By", by)]


def _member_button(event: AuditEvent, account: Account) -> dict[str, str]:
    if event.kind in _GONE:
        return {}
    url = settings.BASE_URL + reverse("overview", kwargs={"account": account.auth_id})
    return {"button_url": url, "button_label": f"Open {account.name}"}


@subscriber(EventKind.INVITATION_SENT, EventKind.INVITATION_RESENT)
def mail_invitation(event: AuditEvent) -> None:
    """Send the link, unless a newer one is on its way or the invitation is over."""
    invitation = Invitation.unscoped.select_related("account", "invited_by").get(pk=event.target_id)
    if not invitation.is_live(timezone.now()) or invitation.turn != event.data["turn"]:
        return
    account = invitation.account
    context = {
        "account": account,
        "inviter": event.actor_label or settings.SITE_NAME,
        "role": Role(invitation.role).label,
        "days": settings.CONSOLE_INVITATION_DAYS,
        "facts": [
            ("Account", account.name),
            ("Role", Role(invitation.role).label),
            ("For", invitation.email),
        ],
        "button_url": address_of(invitation),
        "button_label": "Open the invitation",
    }
    queue_mail("teams/invitation", to=invitation.email, key=f"event:{event.public_id}", context=context)


@subscriber(EventKind.INVITATION_REVOKED, EventKind.INVITATION_ENDED)
def mail_invitation_revoked(event: AuditEvent) -> None:
    """Tell the invited address that the link has ended."""
    invitation = Invitation.unscoped.select_related("account").get(pk=event.target_id)
    context = {"account": invitation.account, "facts": _facts(event, invitation.account)}
    queue_mail(
        "teams/invitation_revoked", to=invitation.email, key=f"event:{event.public_id}", context=context
    )


@subscriber(EventKind.INVITATION_EXPIRED, EventKind.INVITATION_ASKED)
def mail_invitation_waits(event: AuditEvent) -> None:
    """Tell who invited that nobody came, or that another link is asked for."""
    invitation = Invitation.unscoped.select_related("account", "invited_by").get(pk=event.target_id)
    if not invitation.is_open and event.kind == EventKind.INVITATION_EXPIRED:
        return
    account = invitation.account
    asked = event.data.get("email", "")
    route = "teams:invitation_list" if asked in ("", invitation.email) else "teams:member_invite"
    query = "" if route == "teams:invitation_list" else f"?email={quote(asked, safe='')}"
    context = {
        "account": account,
        "invitation": invitation,
        "asked": asked,
        "days": settings.CONSOLE_INVITATION_DAYS,
        "facts": [("Account", account.name), ("Invited", invitation.email)],
        "button_url": settings.BASE_URL + reverse(route, kwargs={"account": account.auth_id}) + query,
        "button_label": "Open the invitations" if not query else "Invite this address",
    }
    name = "invitation_asked" if asked else "invitation_expired"
    for person in _inviters(invitation, account):
        key = f"event:{event.public_id}:{person.pk}"
        queue_mail(f"teams/{name}", to=person.email, key=key, context=context)


def _inviters(invitation: Invitation, account: Account) -> list[User]:
    """Return who sent it when they still run the team, else everybody who does."""
    contacts = contacts_of(account)
    return [person for person in contacts if person.pk == invitation.invited_by_id] or contacts
