"""What can be done with subaccounts and what they own, a module an area."""

from subaccounts.services.usage import UnknownAccount, UsageRow, append_usage, cut_days_again, span_of
from subaccounts.services.usage_export import export_usage

__all__ = ["UnknownAccount", "UsageRow", "append_usage", "cut_days_again", "export_usage", "span_of"]
