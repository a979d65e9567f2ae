"""Give the demo's first account past sign-ins, something unusual that was looked at, and a finding put off."""

from datetime import datetime, timedelta
from typing import Any

from accounts.models import User
from console.core.access import Actor
from console.core.events import EventKind
from console.core.requests import Origin
from console.demo.diary import note
from security.models import Anomaly, CheckupSnooze
from teams.roles import Role

_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15"
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"
_PHONE = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari/537.36"
# Role, hours ago, address, place, agent, device, method.
_SIGN_INS = (
    (Role.ANALYST, 190, "203.0.113.118", "Utrecht, Netherlands", _WINDOWS, "Firefox on Windows", "totp"),
    (Role.DEVELOPER, 99, "192.0.2.200", "Lyon, France", _WINDOWS, "Firefox on Windows", "totp"),
    (Role.SUPPORT, 52, "198.51.100.31", "Amsterdam, Netherlands", _WINDOWS, "Firefox on Windows", "sms"),
    (Role.DEVELOPER, 29, "198.51.100.40", "Amsterdam, Netherlands", _MAC, "Safari on macOS", "totp"),
    (Role.ADMIN, 7, "203.0.113.118", "Amsterdam, Netherlands", _PHONE, "Chrome on Android", "totp"),
    (Role.OWNER, 3, "198.51.100.23", "Amsterdam, Netherlands", _MAC, "Safari on macOS", "totp"),
)
_SNOOZED, _SNOOZED_FOR = timedelta(days=19), 14


def tell_story(company: dict[str, Any], *, now: datetime) -> None:
    """Write down what happened: sign-ins, one of them from a new country, and a decision about a finding."""
    people = {member["role"]: member["user"] for member in company["members"]}
    for role, hours, ip, place, agent, device, method in _SIGN_INS:
        origin = Origin(ip=ip, user_agent=agent)
        facts = {"device": device, "place": place, "method": method, "is_new": False}
        _sign_in(people[role], origin, now - timedelta(hours=hours), facts)
    _note_country(company, people, now - timedelta(hours=99))
    _put_off(company, now - _SNOOZED)


def _sign_in(user: User, origin: Origin, at: datetime, facts: dict[str, Any]) -> None:
    user.last_login = at
    user.save(update_fields=["last_login"])
    actor = Actor.person(user, origin=origin)
    note(EventKind.SIGN_IN_COMPLETED, actor=actor, target=user, at=at, **facts)


def _note_country(company: dict[str, Any], people: dict[str, User], at: datetime) -> None:
    user, looked_at = people[Role.DEVELOPER], at + timedelta(hours=2)
    facts = {"country": "FR", "usual": ["NL"], "place": "Lyon, France", "ip": "192.0.2.200"}
    row = Anomaly.objects.create(
        account=company["account"],
        kind=Anomaly.Kind.NEW_COUNTRY,
        subject=f"{user.public_id}:FR",
        day=at.date(),
        user=user,
        facts=facts | {"who": user.full_name},
        noted_at=at,
        acknowledged_by=people[Role.ADMIN],
        acknowledged_at=looked_at,
    )
    noted: dict[str, Any] = {"unusual": str(row.kind), "facts": row.facts}
    note(EventKind.ANOMALY_NOTED, actor=Actor.system(row.account), target=row, at=at, **noted)
    note(EventKind.ANOMALY_ACKNOWLEDGED, actor=company["actor"], target=row, at=looked_at)


def _put_off(company: dict[str, Any], at: datetime) -> None:
    actor, until = company["actor"], at + timedelta(days=_SNOOZED_FOR)
    reason = "The list has to report for a while before it may enforce."
    row = CheckupSnooze.objects.create(
        account=company["account"],
        check_name="allowlist",
        reason=reason,
        until=until,
        made_by=actor.user,
        made_at=at,
    )
    facts: dict[str, Any] = {"check": "The IP allowlist enforces", "reason": reason, "until": until}
    note(EventKind.CHECK_SNOOZED, actor=actor, target=row, at=at, **facts)
