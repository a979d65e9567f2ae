"""What staff see and add of money."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from billing import services
from billing.forms import PlanForm
from billing.models import Plan
from console.core.access import Actor
from console.core.requests import origin_of


@admin.register(Plan)
class PlanAdmin(admin.ModelAdmin):
    """Committed plans; one that was committed stays as it is."""

    actions = None
    form = PlanForm
    list_display = ("account", "monthly_amount", "starts_at", "ends_at", "stage", "reason")
    list_filter = ("stage",)
    list_per_page = 50
    list_select_related = ("account",)
    search_fields = ("account__auth_id__iexact", "account__name")
    autocomplete_fields = ("account",)
    ordering = ("-id",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:  # noqa: FBT001
        """Store the plan through the service that records it."""
        services.commit_plan(
            actor=Actor(user=request.user, kind="staff", origin=origin_of(request)), plan=obj
        )
