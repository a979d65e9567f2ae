"""Forms of subaccounts and resources, a module an area."""

from subaccounts.forms.usage import UsageDaysForm, UsageLogForm

__all__ = ["UsageDaysForm", "UsageLogForm"]
