"""Look up money, a module an area."""

from billing.queries.money import (
    ZERO,
    Money,
    current_plan,
    entries_of,
    money_of,
    plan_end_of,
    plan_end_sql,
)

__all__ = ["ZERO", "Money", "current_plan", "entries_of", "money_of", "plan_end_of", "plan_end_sql"]
