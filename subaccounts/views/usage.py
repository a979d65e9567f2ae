"""Show and export calls and messages: Logs > Usage logs, Logs > Usage by day."""

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from console.core.access import access
from console.core.permissions import Permission
from subaccounts.forms import UsageDaysForm, UsageLogForm
from subaccounts.models import UsageEvent
from subaccounts.queries import usage, usage_sums
from subaccounts.queries.usage_choices import choices_of
from subaccounts.services import export_usage
from subaccounts.views import usage_rows

_REFUSED = 422


@access(Permission.USAGE_VIEW)
@require_safe
def log(request: Any) -> HttpResponse:
    """Show calls and messages, newest first."""
    form = _form(UsageLogForm, request)
    page = usage.UsagePage([])
    if form.is_valid():
        places = {name: form.cleaned_data[name] for name in ("before", "after")}
        page = usage.page_of(request.actor, form.filters(), now=timezone.now(), **places)
    context = {
        "form": form,
        "rows": [usage_rows.row_of(event) for event in page.events],
        "is_filtered": bool(form.words),
        "query": urlencode(form.words),
        "days": settings.CONSOLE_USAGE_DAYS,
        "earlier_url": _page_url(form, before=page.earlier),
        "later_url": _page_url(form, after=page.later),
    }
    return render(request, "subaccounts/usage_log.html", context, status=_REFUSED if form.errors else 200)


@access(Permission.USAGE_VIEW)
@require_safe
def event(request: Any, place: str) -> HttpResponse:
    """Show one call or message with everything that is known about it."""
    where = usage.read_place(place)
    found = usage.find_event(request.actor, where, now=timezone.now()) if where else None
    if found is None:
        raise Http404
    return render(request, "subaccounts/usage_event.html", {"row": usage_rows.row_of(found)})


@access(Permission.USAGE_MANAGE)
@require_POST
def csv(request: Any) -> HttpResponseBase:
    """Send the calls and messages that the filters let through as CSV."""
    form = _form(UsageLogForm, request)
    account = request.actor.account
    if not form.is_valid():
        address = reverse("subaccounts:usage_log", kwargs={"account": account.auth_id})
        return redirect(f"{address}?{request.GET.urlencode()}")
    now = timezone.now()
    batches = export_usage(actor=request.actor, filters=form.filters(), now=now)
    name = f"usage-{account.auth_id}-{timezone.localtime(now).date()}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(_pieces(batches), content_type="text/csv; charset=utf-8", headers=headers)


def _pieces(batches: Generator[list[UsageEvent], None, None]) -> Iterator[bytes]:
    """Yield the file; the batches end when the reader goes away."""
    with closing(batches):
        yield from usage_rows.csv_file(batches)


@access(Permission.USAGE_VIEW)
@require_safe
def days(request: Any) -> HttpResponse:
    """Draw what was used by day, country and subaccount, from the sums."""
    form = _form(UsageDaysForm, request)
    today = timezone.localdate()
    context: dict[str, Any] = {"form": form, "query": urlencode(form.words)}
    if form.is_valid():
        first, last = form.span(today=today)
        filters = {name: form.cleaned_data[name] for name in ("kind", "direction")}
        part = form.parts.rows.get(form.cleaned_data["subaccount"])
        found = usage_sums.usage_of(
            request.actor,
            first=first,
            last=last,
            subaccount_id=part.pk if part else None,
            is_main_only=form.cleaned_data["subaccount"] == usage.MAIN,
            **filters,
        )
        names = usage_sums.names_of(request.actor, found.subaccounts)
        context |= usage_rows.charts_of(found, names=names, today=today) | {"part": part}
    return render(request, "subaccounts/usage_days.html", context, status=_REFUSED if form.errors else 200)


def _form(form: type[Any], request: Any) -> Any:
    parts = choices_of(request.actor, asked=request.GET.get("subaccount", ""))
    return form(request.GET, parts=parts)


def _page_url(form: UsageLogForm, **place: str) -> str:
    """Return the address of the page beside this one, or nothing when there is none."""
    cursor = {name: text for name, text in place.items() if text}
    return f"?{urlencode(form.words | cursor)}" if cursor else ""
