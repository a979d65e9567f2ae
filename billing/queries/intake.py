"""Look up who pays for reported usage, and what it costs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection

from billing.queries.rating import rated_sql
from billing.usage_events import UsageReport

_PAYERS = """
SELECT identity.auth_id, identity.account_id, sub.id, account.state = 'active',
  identity.is_enabled AND sub.deleted_at IS NULL, account.billing_mode = 'prepaid',
  coalesce(spent.amount >= highest.amount, FALSE), sub.deleted_at
FROM accounts_apiidentity AS identity
JOIN accounts_account AS account ON account.id = identity.account_id
LEFT JOIN subaccounts_subaccount AS sub ON sub.identity_id = identity.id
LEFT JOIN subaccounts_spendlimit AS highest ON highest.subaccount_id = sub.id AND highest.stop = 'hard'
LEFT JOIN subaccounts_monthspend AS spent ON spent.subaccount_id = sub.id
  AND spent.month = date_trunc('month', %(now)s::timestamptz AT TIME ZONE account.time_zone)::date
WHERE identity.auth_id = ANY(%(auth_ids)s)
"""
_COLUMNS = {
    "n": "bigint",
    "account_id": "bigint",
    "service": "text",
    "direction": "text",
    "at": "timestamptz",
    "quantity": "bigint",
    "number": "text",
    "country": "text",
    "number_type": "text",
    "network": "text",
}
_RATE = f"""
WITH given AS MATERIALIZED (
  SELECT * FROM unnest({", ".join(f"%s::{kind}[]" for kind in _COLUMNS.values())}) AS given ({", ".join(_COLUMNS)})
)
SELECT n, country, rate, units, amount FROM ({rated_sql("given")}) AS rated
"""  # noqa: S608  # nosec B608 - every part is written in the code


@dataclass(frozen=True, slots=True)
class Payer:
    """An account, or a part of one, that usage is reported for; the account pays for both."""

    account_id: int
    subaccount_id: int | None
    is_active: bool
    is_enabled: bool
    is_prepaid: bool
    is_at_limit: bool
    deleted_at: datetime | None

    def owes_for(self, at: datetime) -> bool:
        """Say whether the instant lies before a deletion: what was used until then is paid, however late it is told."""
        return self.deleted_at is not None and at < self.deleted_at

    def stopped_by(self, balances: Mapping[int, Decimal]) -> str:
        """Return the word for what stops it, or nothing; ``balances`` are in US dollars by account."""
        if not self.is_active:
            return "account_not_active"
        if self.subaccount_id is not None and not self.is_enabled:
            return "subaccount_disabled"
        if self.is_at_limit:
            return "spend_limit_reached"
        if self.is_prepaid and balances.get(self.account_id, Decimal(0)) <= 0:
            return "balance_exhausted"
        return ""


@dataclass(frozen=True, slots=True)
class Rated:
    """What an event costs: ``units`` are started minutes or segments, ``amount`` is in US dollars."""

    account_id: int
    country: str
    rate: Decimal | None
    units: int
    amount: Decimal | None


def payers_of(auth_ids: Collection[str], *, now: datetime) -> dict[str, Payer]:
    """Return who stands behind the Auth IDs; unknown ones are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_PAYERS, {"auth_ids": list(auth_ids), "now": now})
        return {auth_id: Payer(*facts) for auth_id, *facts in cursor.fetchall()}


def rate_reports(reports: Sequence[UsageReport], payers: Mapping[str, Payer]) -> dict[int, Rated]:
    """Return what each event costs by its place in the batch, in one statement; unknown payers are left out."""
    known = [report for report in reports if report.auth_id in payers]
    if not known:
        return {}
    rows = [
        (
            report.place,
            payers[report.auth_id].account_id,
            report.service,
            report.direction,
            report.at,
            report.quantity,
            report.number,
            report.country,
            report.number_type,
            report.network,
        )
        for report in known
    ]
    accounts = {row[0]: row[1] for row in rows}
    with connection.cursor() as cursor:
        cursor.execute(_RATE, [list(column) for column in zip(*rows, strict=True)])
        return {n: Rated(accounts[n], country or "", *rest) for n, country, *rest in cursor.fetchall()}
