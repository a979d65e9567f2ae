"""Forms about money, a module an area."""

from billing.forms.plans import PlanForm
from billing.forms.prices import PriceForm

__all__ = ["PlanForm", "PriceForm"]
