"""What staff decide of the security app: who gets an IP allowlist."""

from typing import Any

from django.contrib import admin
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from console.core.access import Actor
from console.core.requests import origin_of
from security.forms import AllowlistDecisionForm, LockdownNoteForm
from security.models import AllowlistAccess, Lockdown
from security.services.allowlist import AlreadyDecided, decide_access
from security.services.reopening import handle_lockdown


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


@admin.register(Lockdown)
class LockdownAdmin(admin.ModelAdmin):
    """The urgent queue: lock-downs that nobody of the staff has looked after come first, the oldest on top."""

    form = LockdownNoteForm
    actions = None
    list_per_page = 50
    list_display = ("account", "begun_at", "begun_by", "closed_at", "handled_by", "handled_at")
    list_filter = (("handled_at", admin.EmptyFieldListFilter), ("closed_at", admin.EmptyFieldListFilter))
    list_select_related = ("account", "begun_by", "handled_by")
    search_fields = ("account__auth_id__iexact", "account__name")
    ordering = (F("handled_at").asc(nulls_first=True), "begun_at", "id")
    fields = (
        "account",
        "begun_at",
        "begun_by",
        "counts",
        "closed_at",
        "closed_by",
        "handled_by",
        "handled_at",
        "note",
    )
    readonly_fields = (
        "account",
        "begun_at",
        "begun_by",
        "counts",
        "closed_at",
        "closed_by",
        "handled_by",
        "handled_at",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: customers lock down."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def save_model(self, request: HttpRequest, obj: Lockdown, form: Any, change: bool) -> None:  # noqa: FBT001
        """Write the note down through the service that records it."""
        actor = Actor(user=request.user, kind="staff", origin=origin_of(request))
        handle_lockdown(actor=actor, row=obj, note=form.cleaned_data["note"], now=timezone.now())
