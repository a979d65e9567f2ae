"""What staff decide of the security app: who gets an IP allowlist."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from console.core.access import Actor
from console.core.requests import origin_of
from security.forms import AllowlistDecisionForm
from security.models import AllowlistAccess
from security.services.allowlist import AlreadyDecided, decide_access


@admin.register(AllowlistAccess)
class AllowlistAccessAdmin(admin.ModelAdmin):
    """The queue of requests for an IP allowlist, oldest first."""

    form = AllowlistDecisionForm
    actions = None
    list_per_page = 50
    list_display = ("account", "state", "addresses", "requested_by", "requested_at", "decided_by")
    list_filter = ("state",)
    list_select_related = ("account", "requested_by", "decided_by")
    search_fields = ("account__auth_id__iexact", "account__name")
    ordering = ("requested_at", "id")
    fields = ("account", "state", "reason", "addresses", "requested_by", "requested_at", "decision", "note")
    readonly_fields = ("account", "state", "reason", "addresses", "requested_by", "requested_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: customers ask."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def save_model(self, request: HttpRequest, obj: AllowlistAccess, form: Any, change: bool) -> None:  # noqa: FBT001
        """Decide through the service that records and mails it."""
        actor = Actor(user=request.user, kind="staff", origin=origin_of(request))
        values = form.cleaned_data
        is_approved = values["decision"] == "approve"
        try:
            decide_access(
                actor=actor, access=obj, is_approved=is_approved, note=values["note"], now=timezone.now()
            )
        except AlreadyDecided as error:
            self.message_user(request, str(error), level="WARNING")
