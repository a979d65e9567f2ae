"""What can be done with money, a module an area."""

from billing.services.intake import forget_taken, take_usage
from billing.services.ledger import KeyReused, grant_trial_credit, lock_balance, post_entry
from billing.services.plans import PlanRefused, check_plan, commit_plan, sweep_plans
from billing.services.price_export import export_prices
from billing.services.prices import PricesRefused, load_prices, publish_prices
from billing.services.statement import export_statement
from billing.services.verification import verify_if_due, verify_ledger

__all__ = [
    "KeyReused",
    "PlanRefused",
    "PricesRefused",
    "check_plan",
    "commit_plan",
    "export_prices",
    "export_statement",
    "forget_taken",
    "grant_trial_credit",
    "load_prices",
    "lock_balance",
    "post_entry",
    "publish_prices",
    "sweep_plans",
    "take_usage",
    "verify_if_due",
    "verify_ledger",
]
