"""Set what a subaccount may spend, and where it may call from."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from console.core.access import access
from console.core.errors import DomainError
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from console.core.templatetags.ui import money
from subaccounts.forms.subaccounts import SubaccountLimitForm, SubaccountNetworksForm
from subaccounts.models import SpendLimit, Subaccount
from subaccounts.queries import limits as queries
from subaccounts.services import limits, subaccounts
from subaccounts.views.subaccounts import found

P = Permission


def _to(request: ConsoleRequest, row: Subaccount) -> HttpResponse:
    return redirect("subaccounts:subaccount", account=request.actor.account.auth_id, subaccount=row.auth_id)


@access(P.SUBACCOUNT_MANAGE, recent_auth=True, deed="change what a subaccount may spend")
@require_http_methods(["GET", "HEAD", "POST"])
def limit_edit(request: ConsoleRequest, subaccount: str) -> HttpResponse:
    """Ask for the limit of a month, and set it."""
    row = found(request, subaccount)
    form = SubaccountLimitForm(
        request.POST if request.method == "POST" else None, initial=_present(getattr(row, "limit", None))
    )
    if form.is_valid():
        try:
            limits.set_limit(
                actor=request.actor, auth_id=row.auth_id, now=timezone.now(), **form.cleaned_data
            )
        except DomainError as error:
            form.add_error("amount", str(error))
        else:
            amount = form.cleaned_data["amount"]
            limit = f"may spend {money(amount)} a month" if amount else "has no limit"
            messages.success(request, f"{row.name} {limit}. It counts from now on.")
            return _to(request, row)
    standing = queries.standing_of(row, queries.this_month(request.actor.account, timezone.now()))
    context = {"form": form, "subaccount": row, "standing": standing}
    return render(request, "subaccounts/limit_edit.html", context, status=422 if form.is_bound else 200)


def _present(limit: SpendLimit | None) -> dict[str, object]:
    if limit is None:
        return {"alert_percent": 80, "stop": SpendLimit.Stop.HARD}
    return {"amount": f"{limit.amount:.2f}", "alert_percent": limit.alert_percent, "stop": limit.stop}


@access(P.ALLOWLIST_MANAGE, recent_auth=True, deed="change where a subaccount may call from")
@require_http_methods(["GET", "HEAD", "POST"])
def networks_edit(request: ConsoleRequest, subaccount: str) -> HttpResponse:
    """Ask for the addresses that may call as the subaccount, and set them."""
    row = found(request, subaccount)
    present = "\n".join(str(network) for network in row.networks or [])
    form = SubaccountNetworksForm(
        request.POST if request.method == "POST" else None, initial={"cidrs": present}
    )
    if form.is_valid():
        lines = form.cleaned_data["cidrs"]
        try:
            subaccounts.set_networks(
                actor=request.actor, auth_id=row.auth_id, networks=lines, now=timezone.now()
            )
        except DomainError as error:
            form.add_error("cidrs", str(error))
        else:
            rest = (
                "Every other address gets 403." if lines else "Any address that the account allows may call."
            )
            messages.success(request, f"{row.name} is changed. {rest}")
            return _to(request, row)
    context = {"form": form, "subaccount": row}
    return render(request, "subaccounts/networks_edit.html", context, status=422 if form.is_bound else 200)
