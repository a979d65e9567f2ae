"""What staff see and do of money, a module an area."""

from billing.admin import ledger, plans, prices

__all__ = ["ledger", "plans", "prices"]
