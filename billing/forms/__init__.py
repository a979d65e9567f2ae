"""Forms about money, a module an area."""

from billing.forms.plans import PlanForm

__all__ = ["PlanForm"]
