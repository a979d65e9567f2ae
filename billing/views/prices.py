"""Show the prices of a country, and send price lists as CSV."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing import services
from billing.countries import Country, countries
from billing.forms import PriceForm
from billing.queries import price_sheets
from billing.queries.prices import Book, book_of, lists_of, price_of_number
from billing.services.prices import starts_at
from console.core.access import access
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest

_REFUSED = 422
_LISTS = 6
_SERVICES = {"voice": ("voice", "number"), "messaging": ("message",)}


@access(Permission.PRICING_VIEW)
@require_safe
def voice(request: ConsoleRequest) -> HttpResponse:
    """Show what calls and numbers of a country cost."""
    return _page(request, "voice", {"made": ("voice", "outbound"), "received": ("voice", "inbound")})


@access(Permission.PRICING_VIEW)
@require_safe
def messaging(request: ConsoleRequest) -> HttpResponse:
    """Show what messages of a country cost."""
    return _page(request, "messaging", {"made": ("message", "outbound"), "received": ("message", "inbound")})


def _page(request: ConsoleRequest, sheet: str, tables: dict[str, tuple[str, str]]) -> HttpResponse:
    form, account = PriceForm(request.GET), request.actor.account
    context: dict[str, Any] = {"form": form, "sheet": sheet, "all_countries": countries().values()}
    context["notice_days"] = settings.CONSOLE_PRICE_NOTICE_DAYS
    if not form.is_valid():
        return render(request, f"billing/prices_{sheet}.html", context, status=_REFUSED)
    given = form.cleaned_data
    at = starts_at(given["on"]) if given["on"] else timezone.now()
    match = price_of_number(account, given["number"], at=at) if given["number"] else None
    context |= {"choices": form.found, "match": match, "at": at, "given": given}
    if country := _picked(form, match):
        book = book_of(account, country, at=at)
        context |= _tables(book, tables, words=given["words"]) | {"country": country, "choices": []}
        context["lists"] = lists_of(account, country, _SERVICES[sheet], limit=_LISTS)
    return render(request, f"billing/prices_{sheet}.html", context)


def _picked(form: PriceForm, match: Any) -> Country | None:
    if form.found:
        return form.found[0] if len(form.found) == 1 else None
    return countries().get(match.country) if match else None


def _tables(book: Book, tables: dict[str, tuple[str, str]], *, words: str) -> dict[str, Any]:
    made = price_sheets.rows_of(book, *tables["made"], words=words)
    rented = {row.name: row for row in price_sheets.rows_of(book, "number", "rental")}
    received = price_sheets.rows_of(book, *tables["received"])
    return {
        "made": made,
        "received": [(row, rented.get(row.name)) for row in received],
        "is_sample": book.is_sample,
        "has_contract": any(row.is_contract for row in (*made, *received, *rented.values())),
        "announced": price_sheets.announced([*made, *received, *rented.values()]),
    }


@access(Permission.PRICING_VIEW)
@require_safe
def csv(request: ConsoleRequest, sheet: str) -> HttpResponseBase:
    """Send the prices of one country, or of all, as CSV."""
    if sheet not in price_sheets.COLUMNS:
        raise Http404
    country = None
    if iso := request.GET.get("country", ""):
        country = countries().get(iso)
        if country is None:
            raise Http404
    now = timezone.now()
    lines, is_sample = services.export_prices(actor=request.actor, sheet=sheet, country=country, now=now)
    headers = {
        "Content-Disposition": f'attachment; filename="{_name(sheet, country, now, is_sample=is_sample)}"'
    }
    return StreamingHttpResponse(_sent(lines), content_type="text/csv; charset=utf-8", headers=headers)


def _sent(lines: Iterator[bytes]) -> Iterator[bytes]:
    yield from lines


def _name(sheet: str, country: Country | None, now: datetime, *, is_sample: bool) -> str:
    parts = [sheet, "prices", country.iso if country else "all", f"{now:%Y-%m-%d}"]
    return "-".join([*(["sample"] if is_sample else []), *parts]) + ".csv"
