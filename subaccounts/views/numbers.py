"""Show the account's numbers, rent more, change them, move them and give them back."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.module_loading import import_string
from django.views.decorators.http import require_http_methods, require_safe

from console.core.access import access
from console.core.errors import DomainError
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from subaccounts.forms.numbers import (
    FreeNumberForm,
    NumberChangeForm,
    NumberFilterForm,
    NumberMoveForm,
    NumberRentForm,
)
from subaccounts.models import InventoryNumber, Number
from subaccounts.queries import numbers as queries
from subaccounts.queries.countries import country_name, written
from subaccounts.services import numbers as services
from subaccounts.services.rental_rules import ends_on

_MANAGE = Permission.RESOURCE_MANAGE
_REFUSED = 422
_HOME = "US"


@access(_MANAGE)
@require_safe
def number_list(request: ConsoleRequest) -> HttpResponse:
    """List the numbers of the account and its subaccounts, newest first."""
    form = NumberFilterForm(request.GET, subaccounts=queries.owners_of(request.actor))
    page = queries.page_of(request.actor, **form.cleaned_data) if form.is_valid() else queries.Page()
    context = {
        "form": form,
        "is_filtered": bool(form.words),
        "rows": [number_facts(row) for row in page.rows],
        "earlier_url": _page_url(form, before=page.earlier),
        "later_url": _page_url(form, after=page.later),
    }
    return render(request, "subaccounts/number_list.html", context, status=_REFUSED if form.errors else 200)


def _page_url(form: Any, **place: Any) -> str:
    known = {name: str(key) for name, key in place.items() if key is not None}
    return f"?{urlencode(form.words | known)}" if known else ""


def number_facts(row: Number) -> dict[str, Any]:
    """Return a rented number in words."""
    stock = row.inventory
    return {
        "row": row,
        "written": written(row.number),
        "place": place_of(stock),
        "kind": stock.get_number_type_display(),
        "country": country_name(stock.country_iso),
        "services": service_words(stock),
        "owner": row.subaccount.name if row.subaccount else "Main account",
        "ends_on": ends_on(row.overdue_since) if row.overdue_since else None,
    }


def place_of(stock: InventoryNumber) -> str:
    """Return where the number is from, as exactly as the carrier says it."""
    return ", ".join(filter(None, (stock.city, stock.region if stock.region != stock.city else "")))


def service_words(stock: InventoryNumber) -> str:
    """Return what the number can take."""
    words = {"voice": "calls", "sms": "texts", "mms": "picture messages"}
    return ", ".join(words[name] for name in stock.services).capitalize()


def _find(request: ConsoleRequest, number: str) -> Number:
    row = queries.find_number(request.actor, number)
    if row is None:
        raise Http404
    return row


@access(_MANAGE)
@require_safe
def number(request: ConsoleRequest, number: str) -> HttpResponse:
    """Show one number: what it can do, who owns it, what answers it, and when it is paid next."""
    row = _find(request, number)
    return render(request, "subaccounts/number.html", {"facts": number_facts(row), "number": row})


def _to(request: ConsoleRequest, number: str) -> HttpResponse:
    return redirect("subaccounts:number", account=request.actor.account.auth_id, number=number)


def _page(request: ConsoleRequest, name: str, form: Any, **context: Any) -> HttpResponse:
    status = _REFUSED if form.is_bound else 200
    return render(request, f"subaccounts/{name}.html", {"form": form, **context}, status=status)


def _blame(form: Any, error: DomainError) -> None:
    form.add_error(error.field if error.field in form.fields else None, str(error))


@access(_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def number_change(request: ConsoleRequest, number: str) -> HttpResponse:
    """Change alias, application and the look-up of callers' names."""
    row = _find(request, number)
    applications = queries.applications_of(request.actor, row.subaccount)
    form = NumberChangeForm(
        request.POST if request.method == "POST" else None, number=row, applications=applications
    )
    context = {"number": row, "written": written(number)}
    if not form.is_valid():
        return _page(request, "number_change", form, **context)
    try:
        services.change_number(actor=request.actor, number=number, now=timezone.now(), **form.cleaned_data)
    except DomainError as error:
        _blame(form, error)
        return _page(request, "number_change", form, **context)
    messages.success(request, "The number is changed. The next call and message go by it.")
    return _to(request, number)


@access(_MANAGE, recent_auth=True, deed="move a number")
@require_http_methods(["GET", "HEAD", "POST"])
def number_move(request: ConsoleRequest, number: str) -> HttpResponse:
    """Give the number to a subaccount, or to the main account."""
    row, subaccounts = _find(request, number), queries.owners_of(request.actor)
    form = NumberMoveForm(
        request.POST if request.method == "POST" else None, number=row, subaccounts=subaccounts
    )
    context = {
        "number": row,
        "written": written(number),
        "can_move": bool(subaccounts) or row.subaccount is not None,
    }
    if not form.is_valid():
        return _page(request, "number_move", form, **context)
    owner = form.cleaned_data["subaccount"]
    try:
        moved = services.change_number(
            actor=request.actor, number=number, subaccount_id=owner, now=timezone.now()
        )
    except DomainError as error:
        _blame(form, error)
        return _page(request, "number_move", form, **context)
    name = moved.subaccount.name if moved.subaccount else "the main account"
    messages.success(request, f"{written(number)} belongs to {name} now.")
    return _to(request, number)


@access(_MANAGE, recent_auth=True, deed="give a number back")
@require_http_methods(["GET", "HEAD", "POST"])
def number_release(request: ConsoleRequest, number: str) -> HttpResponse:
    """Ask once more, then give the number back."""
    row = _find(request, number)
    if request.method != "POST":
        text = (
            f"It is paid until {row.renewal_date:%-d %B %Y}; what is left of the month is not refunded. "
            f"For {settings.CONSOLE_NUMBER_REST_DAYS} days nobody gets it, then it may go to somebody else."
        )
        context = {"facts": number_facts(row), "number": row, "text": text}
        return render(request, "subaccounts/number_release.html", context)
    try:
        services.release_number(actor=request.actor, number=number, now=timezone.now())
    except services.NoSuchNumber as error:
        raise Http404 from error
    messages.success(request, f"{written(number)} was given back. It costs nothing more.")
    return redirect("subaccounts:number_list", account=request.actor.account.auth_id)


# --- Renting ---------------------------------------------------------------------------------


@access(_MANAGE)
@require_safe
def number_search(request: ConsoleRequest) -> HttpResponse:
    """Look for free numbers of a country."""
    countries = queries.free_countries()
    first = _HOME if _HOME in dict(countries) else next(iter(dict(countries)), "")
    asked = request.GET if request.GET.get("country") else {**request.GET.dict(), "country": first}
    form = FreeNumberForm(asked, countries=countries)
    page = _free(form) if form.is_valid() else queries.Page()
    context = {
        "form": form,
        "has_stock": bool(countries),
        "rows": [_free_facts(row) for row in page.rows],
        "earlier_url": _page_url(form, place=page.earlier),
        "is_later": bool(form.data.get("place")),
    }
    is_refused = bool(form.errors) and bool(countries)
    return render(request, "subaccounts/number_search.html", context, status=_REFUSED if is_refused else 200)


def _free(form: FreeNumberForm) -> queries.Page:
    asked = dict(form.cleaned_data)
    place, service = asked.pop("place"), asked.pop("service")
    rows = queries.free_numbers(**asked, services=(service,) if service else (), now=timezone.now())
    return queries.free_page(rows, place=place)


def _free_facts(stock: InventoryNumber) -> dict[str, Any]:
    return {
        "row": stock,
        "written": written(stock.number),
        "place": place_of(stock) or country_name(stock.country_iso),
        "kind": stock.get_number_type_display(),
        "country": country_name(stock.country_iso),
        "services": service_words(stock),
        "now": stock.monthly_amount + stock.setup_amount,
    }


@access(_MANAGE, recent_auth=True, deed="rent a number")
@require_http_methods(["GET", "HEAD", "POST"])
def number_rent(request: ConsoleRequest, number: str) -> HttpResponse:
    """Show the price and what is left of the balance, then rent the number."""
    form = NumberRentForm(
        request.POST if request.method == "POST" else None, subaccounts=queries.owners_of(request.actor)
    )
    if not form.is_valid():
        return _confirm(request, number, form)
    given = form.cleaned_data
    try:
        rented = services.rent_number(
            actor=request.actor,
            number=number,
            subaccount_id=given["subaccount"],
            agreed=given["agreed"],
            now=timezone.now(),
        )
    except DomainError as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return _confirm(request, number, form)
    done = "is yours. The first month is paid." if rented.is_new else "is yours already. Nothing was charged."
    messages.success(request, f"{written(number)} {done}")
    return _to(request, number)


def _confirm(request: ConsoleRequest, number: str, form: NumberRentForm) -> HttpResponse:
    """Show the number with its price; one that is not free any more leads to the others."""
    account = request.actor.account
    stock = queries.find_free(number, now=timezone.now())
    if stock is None:
        if queries.find_number(request.actor, number):
            return _to(request, number)
        if not form.is_bound:
            raise Http404
        messages.warning(request, f"{written(number)} is not free any more. Nothing was charged.")
        return redirect("subaccounts:number_search", account=account.auth_id)
    facts = _free_facts(stock)
    balance = import_string(settings.MONEY_READER)(account).balance
    left = balance - facts["now"]
    form.initial["agreed"] = facts["now"]
    context = {
        "facts": facts,
        "balance": balance,
        "left": left,
        "is_enough": left >= 0 or account.billing_mode == "postpaid",
        "renewal_date": services.renewal_after(timezone.now().date(), timezone.now().date()),
        "grace": settings.CONSOLE_RENTAL_GRACE_DAYS,
    }
    if form.is_bound:
        # The price of now stands in the form, so that agreeing again agrees to it.
        form.data = {**request.POST.dict(), "agreed": str(facts["now"])}
    return _page(request, "number_rent", form, **context)
