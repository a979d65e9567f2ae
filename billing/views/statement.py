"""Show and export the statement: Billing > Balance and statement."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from billing import services
from billing.forms import StatementForm
from billing.models import LedgerEntry
from billing.queries import statement as queries
from billing.queries.alerts import runway_of
from console.core.access import access
from console.core.exports import csv_lines
from console.core.permissions import Permission
from subaccounts.queries.usage_choices import choices_of

_REFUSED = 422
_HEADER = (
    "time",
    "entry",
    "service",
    "note",
    "subaccount",
    "amount_usd",
    "balance_usd",
    "cause",
    "entry_id",
)


@access(Permission.BILLING_MANAGE)
@require_safe
def statement(request: Any) -> HttpResponse:
    """Show what came in and went out, and what it left."""
    form, account = _form(request), request.actor.account
    today = timezone.localdate()
    filters = form.filters() if form.is_valid() else None
    sums = queries.days_of(account, filters, today=today)
    request.forecast = runway_of(account, today=today)
    context: dict[str, Any] = {
        "form": form,
        "query": urlencode(form.words),
        "today": today,
        "forecast": request.forecast,
        "month_spent": queries.spent_in(sums, first=today.replace(day=1), last=today),
        "check": queries.newest_check(),
    }
    if filters:
        places = {name: form.cleaned_data[name] for name in ("before", "after")}
        page = queries.statement_of(account, filters, sums, **places)
        context |= {
            "page": page,
            "filters": filters,
            "ends": min(filters.last, today),
            "earlier_url": _page_url(form, before=page.earlier),
            "later_url": _page_url(form, after=page.later),
        }
    return render(request, "billing/statement.html", context, status=_REFUSED if form.errors else 200)


@access(Permission.BILLING_MANAGE, reads=True)
@require_POST
def csv(request: Any) -> HttpResponseBase:
    """Send the entries that the filters let through as CSV."""
    form, account = _form(request), request.actor.account
    if not form.is_valid():
        address = reverse("billing:statement", kwargs={"account": account.auth_id})
        return redirect(f"{address}?{request.GET.urlencode()}")
    filters = form.filters()
    batches = services.export_statement(actor=request.actor, filters=filters, now=timezone.now())
    name = f"statement-{account.auth_id}-{filters.first}-{filters.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    lines = csv_lines(_HEADER, (map(_line, batch) for batch in batches))
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _line(entry: LedgerEntry) -> Sequence[object]:
    return (
        entry.at.isoformat(),
        entry.kind,
        entry.service,
        entry.note,
        entry.subaccount.auth_id if entry.subaccount else "",
        entry.amount,
        entry.balance_after,
        entry.cause,
        str(entry.public_id),
    )


def _form(request: Any) -> StatementForm:
    parts = choices_of(request.actor, asked=request.GET.get("subaccount", "")[:20])
    opened = timezone.localdate(request.actor.account.created_at)
    return StatementForm(request.GET, parts=parts, opened=opened, today=timezone.localdate())


def _page_url(form: StatementForm, **place: str) -> str:
    cursor = {name: text for name, text in place.items() if text}
    return f"?{urlencode(form.words | cursor)}" if cursor else ""
