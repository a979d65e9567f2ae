"""Forms about money, a module an area."""

from billing.forms.plans import PlanForm
from billing.forms.price_import import PriceImportForm, PricePublishForm
from billing.forms.prices import PriceForm
from billing.forms.statement import StatementForm

__all__ = ["PlanForm", "PriceForm", "PriceImportForm", "PricePublishForm", "StatementForm"]
