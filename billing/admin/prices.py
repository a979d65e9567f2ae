"""What staff see of prices, and how they publish more: a file is compared first, then published."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from billing import services
from billing.forms import PriceImportForm, PricePublishForm
from billing.models import PriceImport, PriceList
from billing.services.prices import Change, Comparison, check_date, compare, preview_impact
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.requests import origin_of

_MOST_SHOWN = 200


def _staff(request: HttpRequest) -> Actor:
    return Actor(user=request.user, kind="staff", origin=origin_of(request))


class _Kept(admin.ModelAdmin):
    """Rows that nobody deletes."""

    actions = None
    list_per_page = 50
    search_fields = ("name", "account__auth_id__iexact")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


@admin.register(PriceList)
class PriceListAdmin(_Kept):
    """Lists that were published, the latest first."""

    list_display = ("name", "account", "effective_at", "published_at", "is_sample")
    list_filter = ("is_sample", ("account", admin.EmptyFieldListFilter))
    list_select_related = ("account",)
    ordering = ("-effective_at", "-id")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: a list comes from an import."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


@admin.register(PriceImport)
class PriceImportAdmin(_Kept):
    """Files of prices; those that were not published wait for a decision."""

    list_display = ("name", "account", "effective_on", "lines", "loaded_at", "price_list")
    list_filter = (("price_list", admin.EmptyFieldListFilter),)
    list_select_related = ("account", "price_list")
    autocomplete_fields = ("account",)
    ordering = ("-id",)
    _facts = (
        "name",
        "account",
        "effective_on",
        "file_name",
        "lines",
        "loaded_at",
        "price_list",
        "verdict",
        "differences",
        "impact",
    )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002
        """Ask for a file first, and for a decision once it is there."""
        form = PricePublishForm if obj else PriceImportForm
        return super().get_form(request, obj, change, **{**kwargs, "form": form})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Show what the file would change, above the decision."""
        if obj is None:
            return ("name", "account", "effective_on", "file")
        return self._facts if obj.price_list_id else (*self._facts, "publish")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Let nothing of a file be changed."""
        return self._facts if obj else ()

    @admin.display(description="Date")
    def verdict(self, row: PriceImport) -> str:
        """Say whether the file may be published for its day."""
        if row.price_list:
            return f"Published on {row.price_list.published_at:%Y-%m-%d}."
        found = self._compared(row)
        try:
            check_date(found, row, now=timezone.now())
        except DomainError as error:
            return str(error)
        return f"May be published: {found.increases} rates go up or end."

    @admin.display(description="Differences")
    def differences(self, row: PriceImport) -> str:
        """Show what changes, the largest changes first."""
        if row.price_list:
            return "-"
        found = self._compared(row)
        largest = sorted(found.changes, key=lambda each: -abs(each.percent or Decimal(0)))[:_MOST_SHOWN]
        words = (
            (_thing(change), _shown(change.before), _shown(change.after), _percent(change))
            for change in largest
        )
        items = format_html_join("", "<li>{}: {} → {}{}</li>", words)
        counts = f"{len(found.changes)} change, {found.same} stay as they are"
        return format_html("<p>{} in {} countries.</p><ul>{}</ul>", counts, len(found.countries), items)

    @admin.display(description="Impact on last month")
    def impact(self, row: PriceImport) -> str:
        """Show the accounts whose last month would change most."""
        if row.price_list:
            told = row.price_list.notices.exclude(told_at=None).count()
            return f"{told} of {row.price_list.notices.count()} accounts were told."
        rows, count, total = preview_impact(row, now=timezone.now())
        items = format_html_join(
            "",
            "<li>{} {}: ${} ({})</li>",
            ((each.auth_id, each.name, each.amount, each.countries) for each in rows),
        )
        return format_html(
            "<p>{} accounts used these countries; ${} in all.</p><ul>{}</ul>", count, total, items
        )

    def _compared(self, row: Any) -> Comparison:
        if not hasattr(row, "compared"):
            row.compared = compare(row)
        found: Comparison = row.compared
        return found

    def save_model(self, request: HttpRequest, obj: PriceImport, form: Any, change: bool) -> None:  # noqa: FBT001
        """Keep the file, or publish it, through the services that record it."""
        values, now = form.cleaned_data, timezone.now()
        if not change:
            given = {name: values[name] for name in ("name", "account", "effective_on")}
            made = services.load_prices(actor=_staff(request), **given, **values["file"], now=now)
            obj.pk, obj.file_name, obj.lines = made.pk, made.file_name, made.lines
            return
        try:
            services.publish_prices(actor=_staff(request), public_id=obj.public_id, now=now)
        except DomainError as error:
            self.message_user(request, str(error), level="WARNING")

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Lead to what the file would change."""
        return redirect("admin:billing_priceimport_change", obj.pk)


def _thing(change: Change) -> str:
    line = change.line
    parts = (line.country, line.service, line.direction, line.number_type, line.prefix, line.network)
    return " ".join(part for part in parts if part)


def _shown(rate: Any) -> str:
    return "none" if rate is None else f"{rate:.5f}"


def _percent(change: Change) -> str:
    return "" if change.percent is None else f" ({change.percent:+}%)"
