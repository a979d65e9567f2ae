"""Look up money."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Subquery
from django.db.models.functions import Now

from accounts.models import Account
from billing.models import LedgerEntry, Plan

ZERO = Decimal("0.00000")
_MONEY = """
SELECT (SELECT amount FROM billing_balance WHERE account_id = %(account)s),
  EXISTS (SELECT FROM billing_autorecharge WHERE account_id = %(account)s AND is_on AND paused_at IS NULL)
"""


@dataclass(frozen=True, slots=True)
class Money:
    """An account's money: balance in US dollars, five places, and whether it recharges by itself."""

    balance: Decimal
    auto_recharge: bool


def money_of(account: Account) -> Money:
    """Return the account's money; an account without a ledger has none."""
    # Every API answer about the account asks this; the ORM takes longer to build the query than it takes to run.
    with connection.cursor() as cursor:
        cursor.execute(_MONEY, {"account": account.pk})
        balance, is_automatic = cursor.fetchone()
    return Money(balance=ZERO if balance is None else balance, auto_recharge=is_automatic)


def entries_of(account: Account, *, limit: int) -> list[LedgerEntry]:
    """Return the newest ledger entries."""
    return list(LedgerEntry.objects.of(account).order_by("-id")[:limit])


def plan_end_of(account: Any) -> Subquery:
    """Return, as a part of a query about ``account``, when its newest plan ends or ended."""
    # Plans are made by the default manager: this is a part of a query that names its account itself.
    begun = Plan.unscoped.filter(account=account, starts_at__lte=Now())
    return Subquery(begun.order_by("-ends_at").values("ends_at")[:1])


def plan_end_sql(account: str) -> str:
    """Return the same as SQL for a query with the parameter ``now``; ``account`` is a column of it."""
    return f"""(
  SELECT max(plan.ends_at) FROM billing_plan AS plan
  WHERE plan.account_id = {account} AND plan.starts_at <= %(now)s
)"""  # noqa: S608  # nosec B608 - the argument is written in the code


def current_plan(account: Account, *, now: datetime) -> Plan | None:
    """Return the plan that runs at the instant."""
    running = Plan.objects.of(account).filter(starts_at__lte=now, ends_at__gt=now)
    return running.order_by("-ends_at").first()
