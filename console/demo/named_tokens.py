"""Give the demo's first account named tokens in every state that their page shows."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from accounts.models import ApiCaller, ApiIdentity, Credential
from console.core import crypto
from console.core.access import Actor
from console.core.events import EventKind
from console.demo.diary import note
from teams.roles import RIGHTS, Role

_LEAKED_AT = "https://code.example/halyard/dispatch-scripts/blob/main/.env"
# Name, member, permissions, networks, days since it was made, days it lives, and days since its last call.
_TOKENS: tuple[tuple[str, Role, list[str], list[str], int, int | None, float | None], ...] = (
    ("Warehouse scanner, Rotterdam", Role.DEVELOPER, ["read"], ["198.51.100.0/25"], 61, None, 0.01),
    ("Company profile sync", Role.ADMIN, ["account:write"], ["203.0.113.8/30"], 40, 180, 0.2),
    ("Balance display in dispatch", Role.OWNER, ["account:read"], [], 81, 90, 0.05),
    ("Build runner", Role.DEVELOPER, ["read"], ["203.0.113.8/30", "2001:db8:40::/48"], 20, 90, None),
)
_ENDED: tuple[tuple[str, Role, int, int, str], ...] = (
    ("Dispatch scripts", Role.DEVELOPER, 55, 12, Credential.End.LEAKED),
    ("Trade fair demo", Role.ADMIN, 75, 45, "expired"),
    ("Old invoice export", Role.OWNER, 88, 31, "revoked"),
    ("Laptop of the night shift", Role.DEVELOPER, 33, 5, Credential.End.BURNED),
)
_CLIENT = "plivo-python/4.58.2"


def fill_tokens(company: dict[str, Any], *, now: datetime) -> None:
    """Make tokens that work, one that ends soon, and ended ones of each kind."""
    for name, role, permissions, cidrs, age, lives, used in _TOKENS:
        made_at = now - timedelta(days=age)
        values: dict[str, Any] = {"permissions": permissions, "cidrs": cidrs or None}
        if lives:
            values |= {
                "ends_at": made_at + timedelta(days=lives),
                "asked_ends_at": made_at + timedelta(days=lives),
            }
        if used:
            seen = {"last_used_ip": "198.51.100.80", "last_used_agent": _CLIENT}
            values |= {"last_used_at": now - timedelta(days=used), **seen}
        token = _make(company, name, role, made_at, values)
        if name == "Build runner":
            _refuse(company, token, now=now)
    for name, role, age, over, how in _ENDED:
        ended_at = now - timedelta(days=over)
        values = {
            "permissions": ["read"],
            "ended_at": ended_at,
            "last_used_at": ended_at - timedelta(hours=3),
        }
        values |= {"last_used_ip": "203.0.113.61", "last_used_agent": _CLIENT}
        if how == "expired":
            values |= {"ends_at": ended_at, "asked_ends_at": ended_at}
        elif how in Credential.End.values:
            values["end_reason"] = how
        token = _make(company, name, role, now - timedelta(days=age), values)
        _end(company, token, role, how, at=ended_at)


def _make(
    company: dict[str, Any], name: str, role: Role, made_at: datetime, values: dict[str, Any]
) -> Credential:
    secret = crypto.make_token(settings.CONSOLE_TOKEN_PREFIX)
    actor = _actor(company, role)
    token: Credential = Credential.objects.create(
        identity=ApiIdentity.objects.get(auth_id=company["account"].auth_id),
        kind=Credential.Kind.NAMED,
        name=name,
        prefix=secret[: len(settings.CONSOLE_TOKEN_PREFIX) + 7],
        last_four=secret[-4:],
        digest=crypto.token_digest(secret),
        made_by=actor.user,
        made_at=made_at,
        **values,
    )
    facts: dict[str, Any] = {
        "token": str(token),
        "name": name,
        "permissions": token.permissions,
        "cidrs": token.cidrs,
    }
    facts |= {"ends_at": token.ends_at}
    note(EventKind.NAMED_TOKEN_MADE, actor=actor, target=token, at=made_at, **facts)
    return token


def _actor(company: dict[str, Any], role: Role) -> Actor:
    user = next(member["user"] for member in company["members"] if member["role"] == role)
    account, origin = company["account"], company["actor"].origin
    return Actor(user=user, account=account, rights=RIGHTS[role], role=role.label, origin=origin)


def _end(company: dict[str, Any], token: Credential, role: Role, how: str, *, at: datetime) -> None:
    system = Actor.system(company["account"])
    facts: dict[str, Any] = {"token": str(token), "name": token.name}
    if how == Credential.End.LEAKED:
        facts |= {"scanner": "Code Example", "url": _LEAKED_AT, "source": "content"}
        note(EventKind.CREDENTIAL_LEAKED, actor=system, target=token, at=at, **facts)
    elif how == Credential.End.BURNED:
        note(EventKind.CREDENTIAL_BURNED, actor=system, target=token, at=at, **facts)
    elif how == "expired":
        note(EventKind.NAMED_TOKEN_ENDED, actor=system, target=token, at=at, reason="", **facts)
    else:
        note(EventKind.NAMED_TOKEN_REVOKED, actor=_actor(company, role), target=token, at=at, **facts)


def _refuse(company: dict[str, Any], token: Credential, *, now: datetime) -> None:
    """Let a runner that moved be refused by the token's own list."""
    at = now - timedelta(hours=5)
    ApiCaller.objects.create(
        account=company["account"],
        credential=token,
        ip="203.0.113.40",
        agent=_CLIENT,
        day=at.date(),
        verdict=ApiCaller.Verdict.UNEXPECTED,
        calls=37,
        first_seen_at=at - timedelta(hours=2),
        last_seen_at=at,
        endpoint="GET /v1/Account/{auth_id}/",
    )
