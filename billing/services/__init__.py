"""What can be done with money, a module an area."""

from billing.services.ledger import KeyReused, grant_trial_credit, lock_balance, post_entry
from billing.services.plans import PlanRefused, check_plan, commit_plan, sweep_plans
from billing.services.verification import verify_if_due, verify_ledger

__all__ = [
    "KeyReused",
    "PlanRefused",
    "check_plan",
    "commit_plan",
    "grant_trial_credit",
    "lock_balance",
    "post_entry",
    "sweep_plans",
    "verify_if_due",
    "verify_ledger",
]
