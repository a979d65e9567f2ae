"""Give the demo's first account a rotation in progress, a month of callers, and a list that reports."""

import random
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from accounts.models import Account, ApiCaller, ApiIdentity, Credential
from console.core import crypto
from console.core.events import EventKind
from console.core.requests import Origin
from console.demo.diary import note
from security.models import AllowlistAccess, AllowlistEntry

_DAYS = 30
_ROTATED_FOR = timedelta(hours=27)
_KEPT_FOR = timedelta(days=3)
_ENDPOINT = "GET /v1/Account/{auth_id}/"
_WRITES = "POST /v1/Account/{auth_id}/"
# Address, client, endpoint, and for how long the client has used the new token; None: it still uses the old one.
_CLIENTS = (
    ("198.51.100.80", "plivo-node/4.67.0", _ENDPOINT, timedelta(hours=26)),
    ("198.51.100.81", "plivo-node/4.67.0", _ENDPOINT, timedelta(hours=26)),
    ("198.51.100.82", "plivo-node/4.67.0", _WRITES, timedelta(hours=25)),
    ("203.0.113.9", "plivo-python/4.58.2", _ENDPOINT, timedelta(hours=20)),
    ("203.0.113.10", "plivo-python/4.58.2", _ENDPOINT, timedelta(hours=18)),
    ("2001:db8:40::1c", "Go-http-client/2.0", _ENDPOINT, timedelta(hours=9)),
    ("2001:db8:40::1d", "Go-http-client/2.0", _ENDPOINT, timedelta(hours=9)),
    ("192.0.2.14", "python-requests/2.32.3", _WRITES, None),
    ("203.0.113.61", "plivo-python/4.58.2", _ENDPOINT, None),
    ("2001:db8:9c1::7", "curl/8.5.0", _ENDPOINT, None),
)
_NETWORKS = (
    ("198.51.100.0/25", "Office Rotterdam", 60, None),
    ("192.0.2.14/32", "Office Rotterdam, dispatch desk", 60, None),
    ("2001:db8:40::/48", "Warehouse VPN", 32, None),
    ("203.0.113.8/30", "Build runner", 20, 6),
)


def rotate(company: dict[str, Any], chance: random.Random, *, now: datetime) -> str:
    """Make an old token and a new one with their callers, and return the new one's secret."""
    rotated_at = now - _ROTATED_FOR
    old, _ = _make(company, 1, rotated_at - timedelta(days=72), ends_at=rotated_at + _KEPT_FOR)
    kept = [{"token": str(old), "ends_at": old.ends_at}]
    new, secret = _make(company, 2, rotated_at, choice="3d", kept=kept)
    account = company["account"]
    for number, (ip, agent, endpoint, moved_for) in enumerate(_CLIENTS):
        origin = Origin(ip=ip, user_agent=agent)
        moved_at = now - moved_for if moved_for else now - timedelta(minutes=12 + 160 * (number - 7))
        _call(account, old, origin, endpoint, chance, until=moved_at)
        if moved_for:
            _call(
                account, new, origin, endpoint, chance, since=moved_at, until=now - timedelta(minutes=number)
            )
    for token in (old, new):
        _note_last_use(token)
    return secret


def _make(
    company: dict[str, Any], slot: int, at: datetime, *, ends_at: datetime | None = None, **facts: Any
) -> tuple[Credential, str]:
    secret = crypto.make_token(settings.CONSOLE_TOKEN_PREFIX)
    credential = Credential.objects.create(
        identity=ApiIdentity.objects.get(auth_id=company["account"].auth_id),
        slot=slot,
        prefix=secret[: len(settings.CONSOLE_TOKEN_PREFIX) + 7],
        last_four=secret[-4:],
        digest=crypto.token_digest(secret),
        made_by=company["actor"].user,
        made_at=at,
        ends_at=ends_at,
    )
    facts = {"token": str(credential), "choice": "now", "kept": [], "stopped": []} | facts
    note(EventKind.CREDENTIAL_MADE, actor=company["actor"], target=credential, at=at, **facts)
    return credential, secret


def _call(
    account: Account,
    token: Credential,
    origin: Origin,
    endpoint: str,
    chance: random.Random,
    *,
    until: datetime,
    since: datetime | None = None,
) -> None:
    first = since or until - timedelta(days=_DAYS - 2)
    rows = []
    for back in range((until.date() - first.date()).days + 1):
        # Small clients rest on some days; the last day is the one that the page speaks of.
        if back and chance.random() < (0.1 if "node" in origin.user_agent else 0.6):
            continue
        at = until - timedelta(days=back)
        rows.append(
            ApiCaller(
                account=account,
                credential=token,
                ip=origin.ip,
                agent=origin.user_agent,
                day=at.date(),
                verdict=ApiCaller.Verdict.ADMITTED,
                calls=chance.randrange(2, 40) * (60 if "node" in origin.user_agent else 1),
                first_seen_at=max(first, at - timedelta(hours=2)),
                last_seen_at=at,
                endpoint=endpoint,
            )
        )
    ApiCaller.unscoped.bulk_create(rows)


def _note_last_use(token: Credential) -> None:
    newest = ApiCaller.unscoped.filter(credential=token).order_by("-last_seen_at")[0]
    token.last_used_at, token.last_used_ip = newest.last_seen_at, newest.ip
    token.last_used_agent = newest.agent
    token.save(update_fields=["last_used_at", "last_used_ip", "last_used_agent"])


def list_networks(company: dict[str, Any], *, now: datetime) -> None:
    """Give the account an allowlist that reports, with the networks of its offices."""
    account, owner = company["account"], company["actor"].user
    Account.objects.filter(pk=account.pk).update(allowlist_mode=Account.AllowlistMode.REPORT)
    AllowlistAccess.objects.create(
        account=account,
        state=AllowlistAccess.State.APPROVED,
        reason="Our servers call from four fixed ranges.",
        addresses=4,
        requested_by=owner,
        requested_at=now - timedelta(days=62),
        decided_at=now - timedelta(days=61),
        mode_since=now - timedelta(days=9),
    )
    for network, label, days, ends_in in _NETWORKS:
        AllowlistEntry.objects.create(
            account=account,
            network=network,
            label=label,
            made_by=owner,
            made_at=now - timedelta(days=days),
            expires_at=now + timedelta(days=ends_in) if ends_in else None,
        )
