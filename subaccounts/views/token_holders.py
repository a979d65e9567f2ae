"""Show and change the Auth Tokens of a subaccount, by the same pages as the account's own."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Account
from accounts.views import credentials, rotation
from accounts.views.holders import Holder
from console.core.access import access
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from subaccounts.models import Subaccount
from subaccounts.queries.subaccounts import find_subaccount

P = Permission


def subaccount_holder(account: Account, subaccount: Subaccount) -> Holder:
    """Return the subaccount as the holder of its tokens."""
    parts = {"account": account.auth_id, "subaccount": subaccount.auth_id}
    url = reverse("subaccounts:token_list", kwargs=parts)
    crumbs = [
        ("Subaccounts", reverse("subaccounts:subaccount_list", kwargs={"account": account.auth_id})),
        (subaccount.name, reverse("subaccounts:subaccount", kwargs=parts)),
        ("Tokens", url),
    ]
    return Holder(subaccount.name, subaccount.auth_id, "Tokens", url, crumbs, subaccount.identity)


def _holder(request: ConsoleRequest, auth_id: str) -> Holder:
    subaccount = find_subaccount(request.actor.account, auth_id)
    if subaccount is None:
        raise Http404
    return subaccount_holder(request.actor.account, subaccount)


@access(P.SUBACCOUNT_VIEW)
@require_safe
def token_list(request: ConsoleRequest, subaccount: str) -> HttpResponse:
    """Show the live tokens of the subaccount and the ended ones."""
    context = credentials.tokens_of(request, _holder(request, subaccount))
    return render(request, "subaccounts/token_list.html", context)


@access(P.CREDENTIAL_MANAGE, recent_auth=True, deed="generate an Auth Token")
@require_http_methods(["GET", "HEAD", "POST"])
def token_make(request: ConsoleRequest, subaccount: str) -> HttpResponse:
    """Ask what becomes of the old token, then make a new one and show it once."""
    return credentials.make_token(request, _holder(request, subaccount))


@access(P.CREDENTIAL_MANAGE, recent_auth=True, deed="revoke an Auth Token")
@require_http_methods(["GET", "HEAD", "POST"])
def token_revoke(request: ConsoleRequest, subaccount: str, public_id: UUID) -> HttpResponse:
    """Ask once more, then revoke the token."""
    return credentials.revoke_token(request, _holder(request, subaccount), public_id)


@access(P.SUBACCOUNT_VIEW)
@require_safe
def token_callers(request: ConsoleRequest, subaccount: str, public_id: UUID) -> HttpResponse:
    """Show who called with the token within the last days."""
    return rotation.show_callers(request, _holder(request, subaccount), public_id)


@access(P.CREDENTIAL_MANAGE, recent_auth=True, deed="put off the end of an Auth Token")
@require_http_methods(["GET", "HEAD", "POST"])
def token_extend(request: ConsoleRequest, subaccount: str, public_id: UUID) -> HttpResponse:
    """Ask how much longer an old token works, once."""
    return rotation.extend_token(request, _holder(request, subaccount), public_id)
