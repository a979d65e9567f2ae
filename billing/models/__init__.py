"""What billing stores, a module an area."""

from billing.models.alerts import AlertRecipient, AlertSweep, AlertThreshold, BalanceAlert
from billing.models.auto_recharge import AutoRecharge
from billing.models.cards import Card, CardSetup, PaymentCustomer, Recharge, StripeEvent
from billing.models.intake import TakenEvent
from billing.models.ledger import Balance, LedgerCheck, LedgerDay, LedgerEntry
from billing.models.plans import Plan
from billing.models.prices import Price, PriceImport, PriceList, PriceNotice

__all__ = [
    "AlertRecipient",
    "AlertSweep",
    "AlertThreshold",
    "AutoRecharge",
    "Balance",
    "BalanceAlert",
    "Card",
    "CardSetup",
    "LedgerCheck",
    "LedgerDay",
    "LedgerEntry",
    "PaymentCustomer",
    "Plan",
    "Price",
    "PriceImport",
    "PriceList",
    "PriceNotice",
    "Recharge",
    "StripeEvent",
    "TakenEvent",
]
