"""What staff see of memberships, and how they hand an account to another owner."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from console.core.access import Actor
from console.core.requests import origin_of
from teams import services
from teams.forms import TransferForm
from teams.models import Membership


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):
    """Members by account or person. Saving one with a reason makes them the owner."""

    actions = None
    form = TransferForm
    list_display = ("account", "user", "role", "created_at", "ends_at", "suspended_at")
    list_filter = ("role",)
    list_per_page = 50
    list_select_related = ("account", "user")
    search_fields = ("account__auth_id__iexact", "account__name", "user__email_key")
    readonly_fields = ("account", "user", "role", "created_at", "ends_at", "suspended_at")
    fields = (*readonly_fields, "reason")
    ordering = ("-id",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:  # noqa: FBT001
        """Make the member the owner through the service that records it."""
        actor = Actor(user=request.user, kind="staff", origin=origin_of(request))
        services.transfer_ownership(
            actor=actor, account=obj.account, member=obj, reason=form.cleaned_data["reason"]
        )
