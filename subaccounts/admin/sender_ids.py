"""The queue of sender IDs."""

from typing import Any

from django.contrib import admin
from django.db.models import Case, IntegerField, Value, When
from django.http import HttpRequest
from django.utils import timezone

from console.core.access import Actor
from console.core.requests import origin_of
from subaccounts.forms.sender_ids import SenderIdDecisionForm
from subaccounts.models import SenderId
from subaccounts.queries.countries import country_name
from subaccounts.services.sender_ids import AlreadyDecided, decide_sender_id

_WAITING_FIRST = Case(When(state="requested", then=Value(0)), default=Value(1), output_field=IntegerField())


@admin.register(SenderId)
class SenderIdAdmin(admin.ModelAdmin):
    """Requests for sender IDs: those that wait come first, the oldest on top."""

    form = SenderIdDecisionForm
    actions = None
    list_per_page = 50
    list_display = ("sender", "country", "account", "subaccount", "state", "requested_at", "decided_by")
    list_filter = ("state", "country_iso")
    list_select_related = ("account", "subaccount", "decided_by")
    search_fields = ("sender", "account__auth_id__iexact", "account__name")
    ordering = (_WAITING_FIRST, "requested_at", "id")
    readonly_fields = (
        "sender",
        "country",
        "account",
        "subaccount",
        "purpose",
        "state",
        "requested_by",
        "requested_at",
        "elsewhere",
    )
    fields = (*readonly_fields, "decision", "note")

    @admin.display(description="Country", ordering="country_iso")
    def country(self, row: SenderId) -> str:
        """Name the country."""
        return country_name(row.country_iso)

    @admin.display(description="The same name elsewhere")
    def elsewhere(self, row: SenderId) -> str:
        """Say who else has the name, so that nobody gets the name of another company unseen."""
        others = SenderId.unscoped.filter(sender__iexact=row.sender).exclude(pk=row.pk)
        rows = others.select_related("account").order_by("-requested_at")[:10]
        return "; ".join(f"{one.account}: {one} ({one.get_state_display()})" for one in rows) or "Nowhere"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: customers ask."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def save_model(self, request: HttpRequest, obj: SenderId, form: Any, change: bool) -> None:  # noqa: FBT001
        """Decide through the service that records and mails it."""
        values = form.cleaned_data
        try:
            decide_sender_id(
                actor=Actor(user=request.user, kind="staff", origin=origin_of(request)),
                sender_id=obj,
                is_approved=values["decision"] == "approve",
                note=values["note"],
                now=timezone.now(),
            )
        except AlreadyDecided as error:
            self.message_user(request, str(error), level="WARNING")
