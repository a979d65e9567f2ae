"""Give the demo's first account a plan, a contractor who leaves soon, and invitations that wait."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.models import User
from billing.models import Plan
from console.core.events import EventKind
from console.demo.diary import note
from teams.models import Invitation, Membership
from teams.roles import Role

_MONTHLY = Decimal(1500)


def commit_plan(company: dict[str, Any], *, began_at: datetime) -> None:
    """Commit the account to a year, from the day it was opened on."""
    plan = Plan.objects.create(
        account=company["account"],
        monthly_amount=_MONTHLY,
        starts_at=began_at,
        ends_at=began_at + timedelta(days=365),
        reason="Contract HL-2041",
        made_at=began_at,
    )
    facts = {"monthly_amount": str(plan.monthly_amount), "reason": plan.reason}
    note(EventKind.PLAN_COMMITTED, actor=company["actor"], target=plan, at=began_at, **facts)


def fill_team(company: dict[str, Any], *, now: datetime) -> None:
    """Let one membership end, and send invitations: one that lives, one that is over."""
    for hours, role in (
        (2, Role.OWNER),
        (19, Role.ADMIN),
        (3, Role.DEVELOPER),
        (44, Role.SUPPORT),
        (1900, Role.ANALYST),
    ):
        User.objects.filter(memberships__account=company["account"], memberships__role=role).update(
            last_login=now - timedelta(hours=hours)
        )
    leaving = Membership.objects.of(company["account"]).get(role=Role.SUPPORT)
    leaving.ends_at = now + timedelta(days=24)
    leaving.save(update_fields=["ends_at"])
    _invite(company, "aiko.tanaka@halyard.example", Role.DEVELOPER, now - timedelta(hours=2))
    _invite(company, "jan.de.wit@halyard.example", Role.SUPPORT, now - timedelta(days=12))


def _invite(company: dict[str, Any], email: str, role: Role, at: datetime) -> None:
    actor = company["actor"]
    invitation = Invitation.objects.create(
        account=company["account"],
        email=email,
        email_key=email,
        role=role,
        invited_by=actor.user,
        created_at=at,
        sent_at=at,
        expires_at=at + timedelta(days=7),
        recorded_end=at + timedelta(days=7),
    )
    note(EventKind.INVITATION_SENT, actor=actor, target=invitation, at=at, role=role.label, turn=1)
