"""What billing stores, a module an area."""

from billing.models.ledger import Balance, LedgerEntry
from billing.models.plans import Plan

__all__ = ["Balance", "LedgerEntry", "Plan"]
