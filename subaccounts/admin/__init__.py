"""What staff see and do, a module an area."""

from subaccounts.admin import inventory, sender_ids

__all__ = ["inventory", "sender_ids"]
