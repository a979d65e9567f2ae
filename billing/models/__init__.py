"""What billing stores, a module an area."""

from billing.models.intake import TakenEvent
from billing.models.ledger import Balance, LedgerCheck, LedgerDay, LedgerEntry
from billing.models.plans import Plan
from billing.models.prices import Price, PriceImport, PriceList, PriceNotice

__all__ = [
    "Balance",
    "LedgerCheck",
    "LedgerDay",
    "LedgerEntry",
    "Plan",
    "Price",
    "PriceImport",
    "PriceList",
    "PriceNotice",
    "TakenEvent",
]
