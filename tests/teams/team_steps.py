"""Steps that the tests of the team share."""

from django.urls import reverse
from django.utils import timezone

from console.core.access import Actor
from console.core.models import AuditEvent
from console.core.requests import Origin
from teams import services
from teams.links import address_of
from teams.models import Invitation, Membership
from teams.queries import resolve_actor
from teams.roles import Role

INVITED = "noor.haddad@halyard.example"


def actor_of(cast, who: str) -> Actor:
    """Return the person as they act in the cast's account."""
    actor = resolve_actor(cast.users[who], auth_id=cast.account.auth_id, origin=Origin())
    assert actor is not None
    return actor


def member_of(cast, who: str) -> Membership:
    """Return the person's membership."""
    return Membership.objects.of(cast.account).get(user=cast.users[who])


def place(cast, name: str, **arguments) -> str:
    """Return the address of a Team page of the cast's account."""
    return reverse(f"teams:{name}", kwargs={"account": cast.account.auth_id, **arguments})


def invite(cast, email: str = INVITED, role: Role = Role.DEVELOPER, who: str = "owner", **more) -> Invitation:
    """Invite somebody."""
    return services.invite_member(
        actor=actor_of(cast, who), email=email, role=role, now=timezone.now(), **more
    )


def link_of(invitation: Invitation) -> str:
    """Return the path of the newest link."""
    invitation.refresh_from_db()
    return "/" + address_of(invitation).split("/", 3)[3]


def kinds(cast) -> list[str]:
    """Return the kinds of events of the cast's account, oldest first."""
    rows = AuditEvent.objects.filter(account_id=cast.account.pk).order_by("id")
    return list(rows.values_list("kind", flat=True))
