"""What subaccounts store, a module an area."""

from subaccounts.models.subaccounts import Subaccount

__all__ = ["Subaccount"]
