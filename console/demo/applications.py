"""Give the demo's first account applications and phones: its own, and some of its subaccounts."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from console.core import crypto
from console.core.access import Actor
from console.core.events import EventKind
from console.demo.diary import note
from subaccounts.application_rules import digest_hashes
from subaccounts.models import Application, Endpoint, Subaccount

_HOST = "https://voice.halyard.example"
# Name, subaccount, days ago, path of the answer address, what it is the default for.
_APPLICATIONS = (
    ("Dispatch-line", "", 82, "/answer", ("default_number_app", "default_endpoint_app")),
    ("Night-desk", "", 66, "/night/answer", ()),
    ("Customs-texts", "", 52, "", ()),
    ("Driver-calls", "Driver app", 73, "/drivers/answer", ("default_endpoint_app",)),
    ("Driver-SMS", "Driver app", 71, "", ("default_number_app",)),
    ("Dispatch-EU", "Dispatch EU", 78, "/eu/answer", ("default_number_app", "default_endpoint_app")),
    ("Track-and-trace", "Harbour Freight", 60, "/trace", ()),
)
# Beginning of the username, alias, application, days ago.
_ENDPOINTS = (
    ("gate", "Gate-Rotterdam", "Dispatch-line", 80),
    ("dock", "Dock-4", "Dispatch-line", 77),
    ("night", "Night-porter", "Night-desk", 65),
    ("cab", "Cab-017", "Driver-calls", 70),
    ("cab", "Cab-018", "Driver-calls", 69),
    ("berlin", "Dispatch-Berlin", "Dispatch-EU", 58),
    ("spare", "Spare-handset", "", 12),
)


def add_applications(company: dict[str, Any], *, now: datetime) -> None:
    """Add both, in the order of their days."""
    actor: Actor = company["actor"]
    parts = {row.name: row for row in Subaccount.objects.of(actor.account)}
    made = {facts[0]: _application(actor, parts, now, facts) for facts in _APPLICATIONS}
    for prefix, alias, name, days in _ENDPOINTS:
        _endpoint(actor, made.get(name), prefix, alias, now - timedelta(days=days))


def _application(
    actor: Actor, parts: dict[str, Subaccount], now: datetime, facts: tuple[Any, ...]
) -> Application:
    name, owner, days, path, defaults = facts
    at = now - timedelta(days=days, hours=3)
    row = Application(account=actor.account, subaccount=parts.get(owner), name=name, created_at=at)
    row.app_id = "4" + _digits(name, 16)
    row.answer_url = f"{_HOST}{path}" if path else ""
    row.message_url = "" if path else f"https://sms.halyard.example/{name.lower()}"
    for default in defaults:
        setattr(row, default, True)
    row.save()
    told: dict[str, Any] = {"app_id": row.app_id, "owner": parts[owner].auth_id if owner else "main account"}
    told |= {"after": {"name": name, "answer_url": row.answer_url, "message_url": row.message_url}}
    note(EventKind.APPLICATION_CREATED, actor=actor, target=row, at=at, **told)
    return row


def _digits(text: str, count: int) -> str:
    """Return digits that are the same at every build."""
    return str(int(hashlib.sha256(text.encode()).hexdigest(), 16))[:count]


def _endpoint(actor: Actor, application: Application | None, prefix: str, alias: str, at: datetime) -> None:
    owner = application.subaccount if application else None
    row = Endpoint(
        account=actor.account, application=application, subaccount=owner, alias=alias, created_at=at
    )
    row.endpoint_id, row.username = "3" + _digits(alias, 13), prefix + _digits(alias + prefix, 12)
    password = crypto.random_name(20)
    row.put_hashes(digest_hashes(username=row.username, realm=settings.SIP_PHONE_HOST, password=password))
    row.save()
    told: dict[str, Any] = {"endpoint_id": row.endpoint_id, "alias": alias}
    told |= {
        "owner": owner.auth_id if owner else "main account",
        "app_id": application.app_id if application else "",
    }
    note(EventKind.ENDPOINT_CREATED, actor=actor, target=row, at=at, **told)
