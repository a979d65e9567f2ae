"""Tell people when somebody passes by the company's provider, and when a provider begins to vouch for them."""

from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts.models import Account, User
from console.core.access import Actor
from console.core.events import EventKind, record, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent
from console.core.requests import Origin
from security.models import SsoLink, SsoSession
from security.tasks.mails import mail_about
from teams.queries import contacts_of, memberships_of
from teams.roles import Role


@subscriber(EventKind.SIGN_IN_COMPLETED)
def note_sso_bypass(event: AuditEvent) -> None:
    """Record in each account that asks for its provider that its owner signed in without."""
    # A sign-in that was recorded before providers were asked for names no session.
    session = event.data.get("session")
    if session is None or SsoSession.objects.filter(session_id=session).exists():
        return
    user = User.objects.get(pk=event.user_id or 0)
    found: list[Any] = list(memberships_of(user))
    origin = Origin(ip=event.ip, user_agent=event.user_agent)
    for member in found:
        if member.sso_rule and member.role == Role.OWNER:
            actor = Actor.person(user, origin=origin, account=member.account)
            facts = {"device": event.data["device"], "place": event.data["place"]}
            record(EventKind.SSO_BYPASSED, actor=actor, target=user, account=member.account, **facts)


@subscriber(EventKind.SSO_BYPASSED)
def mail_sso_bypassed(event: AuditEvent) -> None:
    """Tell owner and admins that the owner's password was used although the provider is asked for."""
    account = Account.objects.get(pk=event.account_id or 0)
    context = {
        "account": account,
        "person": event.actor_label,
        "facts": [
            ("Account", f"{account.name}, {account.auth_id}"),
            ("Who", event.actor_label),
            ("Device", event.data["device"]),
            ("Place", event.data["place"]),
            ("Address", event.ip or "unknown"),
        ],
        "button_url": settings.BASE_URL + reverse("security:sso", kwargs={"account": account.auth_id}),
        "button_label": "Open single sign-on",
    }
    for person in contacts_of(account):
        key = f"event:{event.public_id}:{person.pk}"
        queue_mail("security/sso_bypassed", to=person.email, key=key, context=context)


@subscriber(EventKind.SSO_LINKED)
def mail_sso_linked(event: AuditEvent) -> None:
    """Tell a person who was here before that a provider can sign them in from now on."""
    if not event.data["is_new_person"]:
        account = Account.objects.get(pk=event.account_id or 0)
        mail_about(event, "sso_linked", account=account)


@subscriber(EventKind.MEMBER_REMOVED)
def forget_sso_link(event: AuditEvent) -> None:
    """Forget the provider's name for a person who left: should they come back, they are linked anew."""
    SsoLink.objects.filter(connection__account=event.account_id, user=event.data["user"]).delete()
