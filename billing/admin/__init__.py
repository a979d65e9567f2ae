"""What staff see and do of money, a module an area."""

from billing.admin import plans

__all__ = ["plans"]
