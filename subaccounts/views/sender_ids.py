"""Show sender IDs, ask for more and give them up."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from console.core.access import access
from console.core.errors import DomainError
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from subaccounts.forms.sender_ids import SenderIdFilterForm, SenderIdRequestForm
from subaccounts.models import SenderId
from subaccounts.queries import sender_ids as queries
from subaccounts.queries.countries import country_name
from subaccounts.queries.numbers import Page, owners_of
from subaccounts.services import sender_ids as services

_MANAGE = Permission.RESOURCE_MANAGE
_REFUSED = 422
_LEVELS = {
    SenderId.State.REQUESTED: "info",
    SenderId.State.APPROVED: "good",
    SenderId.State.DECLINED: "danger",
}


@access(_MANAGE)
@require_safe
def sender_id_list(request: ConsoleRequest) -> HttpResponse:
    """List the sender IDs of the account and its subaccounts with their states, newest first."""
    form = SenderIdFilterForm(request.GET, subaccounts=owners_of(request.actor))
    page = queries.sender_page(request.actor, **form.cleaned_data) if form.is_valid() else Page()
    context = {
        "form": form,
        "is_filtered": bool(form.words),
        "rows": [_facts(row) for row in page.rows],
        "earlier_url": _page_url(form, before=page.earlier),
        "later_url": _page_url(form, after=page.later),
    }
    return render(
        request, "subaccounts/sender_id_list.html", context, status=_REFUSED if form.errors else 200
    )


def _page_url(form: SenderIdFilterForm, **place: Any) -> str:
    known = {name: str(key) for name, key in place.items() if key is not None}
    return f"?{urlencode(form.words | known)}" if known else ""


def _facts(row: SenderId) -> dict[str, Any]:
    return {
        "row": row,
        "country": country_name(row.country_iso),
        "owner": row.subaccount.name if row.subaccount else "Main account",
        "level": _LEVELS[SenderId.State(row.state)],
    }


@access(_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def sender_id_request(request: ConsoleRequest) -> HttpResponse:
    """Ask the provider's staff to whitelist a name in a country."""
    form = SenderIdRequestForm(
        request.POST if request.method == "POST" else None, subaccounts=owners_of(request.actor)
    )
    if not form.is_valid():
        return _ask(request, form)
    given = form.cleaned_data
    try:
        made = services.request_sender_id(
            actor=request.actor,
            sender=given["sender"],
            country_iso=given["country_iso"],
            subaccount_id=given["subaccount"],
            purpose=given["purpose"],
            now=timezone.now(),
        )
    except DomainError as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return _ask(request, form)
    messages.success(
        request, f"{made.sender} was asked for in {country_name(made.country_iso)}. We mail you the decision."
    )
    return _back(request)


def _ask(request: ConsoleRequest, form: SenderIdRequestForm) -> HttpResponse:
    status = _REFUSED if form.is_bound else 200
    return render(request, "subaccounts/sender_id_request.html", {"form": form}, status=status)


def _back(request: ConsoleRequest) -> HttpResponse:
    return redirect("subaccounts:sender_id_list", account=request.actor.account.auth_id)


@access(_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def sender_id_remove(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Ask once more, then take the request back or give the sender ID up."""
    row = queries.find_sender_id(request.actor, public_id)
    if row is None:
        raise Http404
    if request.method != "POST":
        return render(request, "subaccounts/sender_id_remove.html", _facts(row))
    try:
        services.remove_sender_id(actor=request.actor, public_id=public_id, now=timezone.now())
    except services.NoSuchSender as error:
        raise Http404 from error
    messages.success(request, f"{row.sender} in {country_name(row.country_iso)} was removed.")
    return _back(request)
