"""Build the frame of an account page: menu by rights, account switcher, person, runway."""

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from billing.queries.alerts import runway_of
from console.core.access import Actor
from console.core.permissions import Permission
from console.core.templatetags.ui import initials, money
from teams.roles import Role

P = Permission


@dataclass(frozen=True, slots=True)
class Entry:
    """One place of the menu: the words are part of the product (customers' runbooks name them)."""

    label: str
    icon: str = ""
    route: str = ""
    right: Permission | None = None
    parts: tuple["Entry", ...] = ()


@dataclass(slots=True)
class Item:
    """One entry as a page shows it."""

    label: str
    icon: str
    url: str
    current: bool
    items: list["Item"] = field(default_factory=list)
    open: bool = False
    count: str = ""


MAIN = (
    Entry("Overview", "overview", "overview", P.OVERVIEW_VIEW),
    Entry(
        "Voice",
        "voice",
        parts=(
            Entry("Applications", route="subaccounts:application_list", right=P.RESOURCE_MANAGE),
            Entry("Endpoints", route="subaccounts:endpoint_list", right=P.RESOURCE_MANAGE),
            Entry("Pricing", route="billing:price_voice", right=P.PRICING_VIEW),
        ),
    ),
    Entry(
        "Messaging",
        "message",
        parts=(
            Entry("Sender IDs", route="subaccounts:sender_id_list", right=P.RESOURCE_MANAGE),
            Entry("Pricing", route="billing:price_messaging", right=P.PRICING_VIEW),
        ),
    ),
    Entry(
        "Phone Numbers",
        "numbers",
        parts=(
            Entry("Your numbers", route="subaccounts:number_list", right=P.RESOURCE_MANAGE),
            Entry("Rent a number", route="subaccounts:number_search", right=P.RESOURCE_MANAGE),
        ),
    ),
    Entry(
        "Logs",
        "log",
        parts=(
            Entry("Usage logs", route="subaccounts:usage_log", right=P.USAGE_VIEW),
            Entry("Usage by day", route="subaccounts:usage_days", right=P.USAGE_VIEW),
        ),
    ),
    Entry("Subaccounts", "subaccounts", "subaccounts:subaccount_list", P.SUBACCOUNT_VIEW),
    Entry("Billing", "billing", "billing:statement", P.BILLING_MANAGE),
)
ACCOUNT = (
    Entry(
        "Settings",
        "settings",
        parts=(
            Entry("Profile", route="accounts:profile", right=P.SELF_MANAGE),
            Entry("Credentials", route="accounts:credential_list", right=P.CREDENTIAL_VIEW),
            Entry("Security", route="security:factor_list", right=P.SELF_MANAGE),
            Entry("IP Whitelisting", route="security:allowlist", right=P.ALLOWLIST_MANAGE),
            Entry("Team", route="teams:member_list", right=P.TEAM_MANAGE),
            Entry("Webhooks", route="security:webhook_list", right=P.AUDIT_VIEW),
            Entry("Audit log", route="security:audit_log", right=P.AUDIT_VIEW),
        ),
    ),
)
GROUPS = (("", MAIN), ("Account", ACCOUNT))


def menu_of(actor: Actor, path: str) -> list[dict[str, Any]]:
    """Return the groups of the menu that the actor's rights open."""
    groups = []
    for heading, entries in GROUPS:
        items = [item for entry in entries if (item := _item(entry, actor, path))]
        if items:
            groups.append({"heading": heading, "items": items})
    return groups


def _item(entry: Entry, actor: Actor, path: str) -> Item | None:
    if entry.right and not actor.can(entry.right):
        return None
    url = _address(entry.route, actor)
    parts = [part for sub in entry.parts if (part := _item(sub, actor, path))]
    if not url and not parts:
        return None
    is_here = bool(url) and (path == url or (entry.route != "overview" and path.startswith(url)))
    is_open = entry.label == "Settings" or any(part.current for part in parts)
    return Item(entry.label, entry.icon, url, is_here, parts, open=is_open)


def _address(route: str, actor: Actor) -> str:
    if not route:
        return ""
    try:
        return reverse(route, kwargs={"account": actor.account.auth_id})
    except NoReverseMatch:
        return ""


def frame_of(request: HttpRequest, actor: Actor) -> dict[str, Any]:
    """Return what ``layouts/console.html`` shows around the page."""
    account, user = actor.account, actor.user
    accounts = [_choice(membership) for membership in actor.memberships]
    home = {"account": account.auth_id}
    return {
        "menu": menu_of(actor, request.path),
        "switcher": {
            "current": {"name": account.name, "auth_id": account.auth_id, "initials": initials(account.name)},
            "accounts": accounts,
        },
        "person": {
            "name": user.full_name,
            "email": user.email,
            "role": actor.role,
            "initials": initials(user.full_name),
            "profile_url": reverse("accounts:profile", kwargs=home),
            "sessions_url": reverse("accounts:session_list", kwargs=home),
        },
        "banner": _team_banner(request, actor) or banner_of(actor),
        "runway": _runway(request, actor) if actor.can(P.BILLING_MANAGE) else None,
        "can": {right.name.lower(): True for right in actor.rights},
    }


def banner_of(actor: Actor) -> dict[str, str] | None:
    """Return what stands over every page of an account that is locked down."""
    if actor.account.locked_down_at is None:
        return None
    text = "This account is locked down."
    if not actor.can(P.SECURITY_MANAGE):
        return {"text": f"{text} Owner or admin can reopen it."}
    url = reverse("security:way_back", kwargs={"account": actor.account.auth_id})
    return {"text": text, "url": url, "label": "Open the way back"}


def _team_banner(request: Any, actor: Actor) -> dict[str, str] | None:
    if role := getattr(request, "seen_as", None):
        leave = reverse("teams:role_leave", kwargs={"auth_id": actor.account.auth_id})
        text = f"You see the console as {role.label}. Nothing can be changed."
        return {"text": text, "post": leave, "label": "See it as yourself again"}
    return {"text": actor.frozen_because, "level": "warn"} if actor.frozen_because else None


def _choice(membership: Any) -> dict[str, str]:
    account = membership.account
    return {
        "name": account.name,
        "auth_id": account.auth_id,
        "initials": initials(account.name),
        "role": Role(membership.role).label,
        "url": reverse("overview", kwargs={"account": account.auth_id}),
    }


def _runway(request: Any, actor: Actor) -> dict[str, str]:
    # A page about the balance has looked already.
    runway = getattr(request, "forecast", None) or runway_of(actor.account, today=timezone.localdate())
    kind = "trial credit" if actor.account.kind == actor.account.Kind.TRIAL else "balance"
    return {
        "amount": money(runway.balance),
        "text": runway.text.lower() or kind,
        "url": reverse("billing:statement", kwargs={"account": actor.account.auth_id}),
    }
