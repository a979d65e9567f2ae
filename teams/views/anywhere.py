"""Lead links of documents that name no account into the reader's own."""

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve
from django.views.decorators.http import require_safe

from accounts.models import Account
from console.core.access import access
from console.core.permissions import Gate
from console.core.requests import ConsoleRequest
from teams import queries


@access(Gate.SIGNED_IN)
@require_safe
def anywhere(request: ConsoleRequest, rest: str) -> HttpResponse:
    """Open a page in the reader's account; who has several chooses."""
    accounts = [found.account for found in queries.memberships_of(request.user)]
    places = [(account, _address(account, rest)) for account in accounts]
    if not places:
        return redirect("home")
    if len(places) == 1:
        return redirect(places[0][1])
    return render(request, "teams/anywhere.html", {"places": places})


def _address(account: Account, rest: str) -> str:
    address = f"/{account.auth_id}/{rest}"
    try:
        match = resolve(address)
    except Resolver404:
        raise Http404 from None
    if "account" not in match.kwargs:
        raise Http404
    return address
