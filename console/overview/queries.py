"""Gather what the overview shows."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import Credential
from billing.queries import entries_of, money_of
from console.core.access import Actor
from console.core.events import SENTENCES, EventKind
from console.core.models import AuditEvent
from console.core.permissions import Permission
from security.queries import Factors, factors_of
from subaccounts.queries.usage_sums import recent_usage

_RECENT = 8


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the set-up list."""

    label: str
    done: bool
    detail: str = ""
    url: str = ""
    action: str = ""


def overview_of(actor: Actor) -> dict[str, Any]:
    """Return the template's context for the actor's account; money only for those who may see it."""
    may_see_money = actor.can(Permission.BILLING_MANAGE)
    factors = factors_of(actor.user)
    steps = setup_of(actor, factors)
    may_see_usage = actor.can(Permission.USAGE_VIEW)
    usage, chart = recent_usage(actor, today=timezone.localdate()) if may_see_usage else (None, None)
    return {
        "account": actor.account,
        "usage": usage,
        "chart": chart,
        "money": money_of(actor.account) if may_see_money else None,
        "entries": entries_of(actor.account, limit=3) if may_see_money else [],
        "steps": steps,
        "steps_done": sum(step.done for step in steps),
        "activity": activity_of(actor) if actor.can(Permission.AUDIT_VIEW) else None,
        "factors": factors,
    }


def setup_of(actor: Actor, factors: Factors) -> list[Step]:
    """Return the set-up steps with what is done."""
    home = {"account": actor.account.auth_id}
    steps = [
        Step(
            "Verify email and phone", done=bool(actor.user.email_verified_at and actor.user.phone_verified_at)
        )
    ]
    steps.append(
        Step(
            "Add a passkey or an authenticator app",
            done=factors.has_strong,
            detail="Phone codes can be intercepted; these cannot.",
            url=reverse("security:factor_list", kwargs=home),
            action="Add",
        )
    )
    if actor.can(Permission.CREDENTIAL_VIEW):
        steps.append(_token_step(actor, home))
    return steps


def _token_step(actor: Actor, home: dict[str, str]) -> Step:
    live = Credential.objects.filter(identity__account=actor.account, ended_at=None)
    return Step(
        "Make an Auth Token",
        done=live.exists(),
        detail="Your code signs in to the API with the Auth ID and this token.",
        url=reverse("accounts:credential_list", kwargs=home),
        action="Open",
    )


def activity_of(actor: Actor) -> list[dict[str, Any]]:
    """Return the newest events of the account as sentences."""
    events = AuditEvent.objects.filter(account_id=actor.account.pk).order_by("-id")[:_RECENT]
    return [
        {
            "who": event.actor_label or settings.SITE_NAME,
            "icon": _icon_of(event.kind),
            "sentence": SENTENCES[EventKind(event.kind)],
            "target": event.target_label if event.target_type == "accounts.credential" else "",
            "at": event.at,
            "ip": event.ip,
        }
        for event in events
    ]


_ICONS = {
    "credential": "key",
    "account": "building",
    "trial-credit": "billing",
    "phone": "mobile",
    "email": "mail",
}


def _icon_of(kind: str) -> str:
    return _ICONS.get(kind.partition(":")[0], "shield")
