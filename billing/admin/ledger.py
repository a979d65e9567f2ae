"""Whether the ledger adds up, for staff to see."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from billing.models import LedgerCheck, LedgerEntry


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that nobody adds, changes or deletes by hand."""

    actions = None
    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


@admin.register(LedgerCheck)
class LedgerCheckAdmin(ReadOnlyAdmin):
    """Proofs that every balance is the sum of its ledger, newest first."""

    list_display = ("at", "adds_up", "accounts", "entries", "took_seconds")
    ordering = ("-at",)

    @admin.display(description="Adds up", boolean=True)
    def adds_up(self, check: LedgerCheck) -> bool:
        """Say whether everything added up."""
        return check.is_good


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """Every movement of money."""

    list_display = ("at", "account", "kind", "amount", "balance_after", "note", "cause")
    list_filter = ("kind",)
    list_select_related = ("account",)
    search_fields = ("account__auth_id__iexact", "public_id", "cause")
    ordering = ("-id",)
