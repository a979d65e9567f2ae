"""What staff see of numbers, and how they load more: a file is looked at first, then loaded."""

import io
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from console.core.access import Actor
from console.core.errors import DomainError
from console.core.requests import origin_of
from subaccounts.forms.inventory import LOAD, InventoryDecisionForm, InventoryUploadForm
from subaccounts.models import InventoryNumber, InventoryUpload, Number
from subaccounts.services.inventory import Report, discard_upload, load_upload, look_at, upload_inventory


def _staff(request: HttpRequest) -> Actor:
    return Actor(user=request.user, kind="staff", origin=origin_of(request))


class _Fixed(admin.ModelAdmin):
    """Rows that nobody deletes by hand, and only services change."""

    actions = None
    list_per_page = 50
    show_full_result_count = False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


class _ReadOnly(_Fixed):
    """Rows that are looked at alone."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


@admin.register(InventoryNumber)
class InventoryNumberAdmin(_ReadOnly):
    """The inventory: numbers that are rented have no date from which they are free."""

    list_display = ("number", "country_iso", "number_type", "city", "monthly_amount", "free_at", "is_sample")
    list_filter = ("number_type", "is_sample", ("free_at", admin.EmptyFieldListFilter), "country_iso")
    search_fields = ("number__startswith",)
    ordering = ("-id",)


@admin.register(Number)
class NumberAdmin(_ReadOnly):
    """Numbers that accounts rent, and those whose rent is not paid."""

    list_display = ("number", "account", "subaccount", "renewal_date", "overdue_since", "monthly_amount")
    list_filter = (("overdue_since", admin.EmptyFieldListFilter),)
    list_select_related = ("account", "subaccount")
    search_fields = ("number__startswith", "account__auth_id__iexact")
    ordering = ("-id",)


@admin.register(InventoryUpload)
class InventoryUploadAdmin(_Fixed):
    """Files of numbers: those that wait come first."""

    list_display = ("name", "state", "good", "refused", "is_sample", "made_by", "made_at", "decided_by")
    list_filter = ("state", "is_sample")
    list_select_related = ("made_by", "decided_by")
    ordering = ("-state", "-id")
    _facts = (
        "name",
        "state",
        "is_sample",
        "reason",
        "made_by",
        "made_at",
        "decided_by",
        "decided_at",
        "counts",
        "first_lines",
        "refusals",
    )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002
        """Ask for a file first, and for a decision once it is there."""
        return InventoryDecisionForm if obj else InventoryUploadForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Show what the file holds, above the decision."""
        return (*self._facts, "decision") if obj else ("file", "is_sample", "reason")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Let nothing of a file be changed."""
        return self._facts if obj else ()

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Read the file once for the page."""
        found: Any = super().get_object(request, object_id, from_field)
        if found is not None:
            found.report = (
                look_at(io.StringIO(found.text), is_sample=found.is_sample) if found.text else Report()
            )
        return found

    @admin.display(description="Lines")
    def counts(self, row: Any) -> str:
        """Say what loading would do, or that it was decided."""
        if row.state != InventoryUpload.State.WAITING:
            return f"{row.good} good, {row.refused} refused when it was uploaded."
        report: Report = row.report
        return f"{report.new} new, {report.changed} change a free number, {report.refused} refused."

    @admin.display(description="First good lines")
    def first_lines(self, row: Any) -> str:
        """Show the first numbers as they would be stored."""
        lines = (
            (f"{one} {one.country_iso} {one.get_number_type_display()} {one.city}", one.monthly_amount)
            for one in row.report.samples
        )
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}: ${} a month</li>", lines))

    @admin.display(description="First refused lines")
    def refusals(self, row: Any) -> str:
        """Say of each line why it cannot be loaded."""
        lines = ((line.place, line.reason) for line in row.report.refusals)
        return format_html("<ul>{}</ul>", format_html_join("", "<li>Line {}: {}.</li>", lines))

    def save_model(self, request: HttpRequest, obj: InventoryUpload, form: Any, change: bool) -> None:  # noqa: FBT001
        """Keep the file, or carry out the decision, through the services that record it."""
        values, now = form.cleaned_data, timezone.now()
        if not change:
            made = upload_inventory(
                actor=_staff(request),
                **values["file"],
                is_sample=values["is_sample"],
                reason=values["reason"],
                now=now,
            )
            obj.pk, obj.name = made.pk, made.name
            return
        try:
            if values["decision"] == LOAD:
                load_upload(actor=_staff(request), upload=obj, now=now)
            else:
                discard_upload(actor=_staff(request), upload=obj, now=now)
        except DomainError as error:
            self.message_user(request, str(error), level="WARNING")

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Lead to what the file holds."""
        return redirect("admin:subaccounts_inventoryupload_change", obj.pk)
