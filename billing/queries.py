"""Look up money."""

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from accounts.models import Account
from billing.models import LedgerEntry

ZERO = Decimal("0.00000")
_BALANCE = "SELECT amount FROM billing_balance WHERE account_id = %s"


@dataclass(frozen=True, slots=True)
class Money:
    """An account's money: balance in US dollars, five places, and whether it recharges by itself."""

    balance: Decimal
    auto_recharge: bool


def money_of(account: Account) -> Money:
    """Return the account's money; an account without a ledger has none."""
    # Every API answer about the account asks this; the ORM takes longer to build the query than it takes to run.
    with connection.cursor() as cursor:
        cursor.execute(_BALANCE, [account.pk])
        found = cursor.fetchone()
    return Money(balance=found[0] if found else ZERO, auto_recharge=False)


def entries_of(account: Account, *, limit: int) -> list[LedgerEntry]:
    """Return the newest ledger entries."""
    return list(LedgerEntry.objects.of(account).order_by("-id")[:limit])
