"""Give the demo's first account subaccounts: with a limit, near it, stopped at it, disabled, and without one."""

from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from django.conf import settings

from accounts.models import Account, ApiIdentity, Credential
from accounts.models.tenants import new_auth_id
from console.core import crypto
from console.core.events import EventKind
from console.demo.diary import note
from subaccounts.limit_rules import month_of
from subaccounts.models import MonthSpend, SpendLimit, Subaccount
from subaccounts.queries.usage_sums import spent_by_subaccounts

# Name, how many days ago it was created, and its limit as a part of what it spent this month; None is no limit.
_PARTS = (
    ("Dispatch EU", 80, Decimal(4)),
    ("Driver app", 74, Decimal("1.2")),
    ("Harbour Freight", 61, Decimal("0.95")),
    ("Sandbox", 45, None),
    ("Warehouse alerts", 33, None),
)
_DISABLED = "Sandbox"


def open_parts(company: dict[str, Any], *, now: datetime) -> None:
    """Create the subaccounts with a token each."""
    company["subaccounts"] = [
        _open(company, name, now - timedelta(days=days), now=now) for name, days, _ in _PARTS
    ]


def _open(company: dict[str, Any], name: str, at: datetime, *, now: datetime) -> dict[str, str]:
    account: Account = company["account"]
    identity = ApiIdentity.objects.create(
        auth_id=new_auth_id("SA"),
        account=account,
        kind=ApiIdentity.Kind.SUBACCOUNT,
        is_enabled=name != _DISABLED,
        created_at=at,
    )
    row = Subaccount.objects.create(
        account=account, identity=identity, auth_id=identity.auth_id, name=name, created_at=at
    )
    secret = crypto.make_token(settings.CONSOLE_TOKEN_PREFIX)
    token = Credential.objects.create(
        identity=identity,
        slot=1,
        prefix=secret[: len(settings.CONSOLE_TOKEN_PREFIX) + 7],
        last_four=secret[-4:],
        digest=crypto.token_digest(secret),
        made_by=company["actor"].user,
        made_at=at,
    )
    facts = {"actor": company["actor"], "target": row, "auth_id": row.auth_id, "name": name}
    note(EventKind.SUBACCOUNT_CREATED, at=at, **facts, enabled=True, token=str(token))
    if name == _DISABLED:
        note(EventKind.SUBACCOUNT_DISABLED, at=now - timedelta(days=2), **facts)
    return {"name": name, "auth_id": row.auth_id, "auth_token": secret}


def set_limits(company: dict[str, Any], *, now: datetime) -> None:
    """Note what each spent this month, and give some of them a limit, one of which is reached."""
    account: Account = company["account"]
    month = month_of(now, account.time_zone)
    spent = spent_by_subaccounts(account, first=month, last=now.date())
    shares = {name: share for name, _, share in _PARTS}
    for row in Subaccount.objects.of(account).order_by("pk"):
        amount = spent.get(row.pk, Decimal(0))
        limit = _limit(account, row, amount, shares.get(row.name), now - timedelta(days=20))
        is_full = limit is not None and amount >= limit.amount
        at = now - timedelta(hours=7) if is_full else None
        MonthSpend.objects.create(
            account=account, subaccount=row, month=month, amount=amount, alerted_at=at, reached_at=at
        )


def _limit(
    account: Account, row: Subaccount, spent: Decimal, share: Decimal | None, at: datetime
) -> SpendLimit | None:
    if share is None or not spent:
        return None
    amount = max((spent * share).quantize(Decimal(1), rounding=ROUND_FLOOR), Decimal(10))
    row.limit = SpendLimit.objects.create(
        account=account, subaccount=row, amount=amount, alert_percent=80, changed_at=at
    )
    return row.limit
