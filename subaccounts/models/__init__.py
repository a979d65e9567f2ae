"""What subaccounts store, a module an area."""

from subaccounts.models.answers import KeptAnswer
from subaccounts.models.applications import Application
from subaccounts.models.endpoints import Endpoint
from subaccounts.models.inventory import InventoryNumber, InventoryUpload, NumberType
from subaccounts.models.limits import MonthSpend, SpendLimit
from subaccounts.models.numbers import Number
from subaccounts.models.sender_ids import SenderId
from subaccounts.models.subaccounts import Subaccount
from subaccounts.models.usage import UsageDay, UsageDirection, UsageEvent, UsageKind, UsageStatus

__all__ = [
    "Application",
    "Endpoint",
    "InventoryNumber",
    "InventoryUpload",
    "KeptAnswer",
    "MonthSpend",
    "Number",
    "NumberType",
    "SenderId",
    "SpendLimit",
    "Subaccount",
    "UsageDay",
    "UsageDirection",
    "UsageEvent",
    "UsageKind",
    "UsageStatus",
]
