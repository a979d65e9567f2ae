"""Look up money."""

from dataclasses import dataclass
from decimal import Decimal

from accounts.models import Account
from billing.models import Balance, LedgerEntry

ZERO = Decimal("0.00000")


@dataclass(frozen=True, slots=True)
class Money:
    """An account's money: balance in US dollars, five places, and whether it recharges by itself."""

    balance: Decimal
    auto_recharge: bool


def money_of(account: Account) -> Money:
    """Return the account's money; an account without a ledger has none."""
    amount = Balance.objects.filter(account=account).values_list("amount", flat=True).first()
    return Money(balance=ZERO if amount is None else amount, auto_recharge=False)


def entries_of(account: Account, *, limit: int) -> list[LedgerEntry]:
    """Return the newest ledger entries."""
    return list(LedgerEntry.objects.of(account).order_by("-id")[:limit])
