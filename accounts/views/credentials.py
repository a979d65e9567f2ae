"""Show the account's Auth ID and Auth Tokens, and make and revoke tokens.

What is done with a token is the same whoever holds it: the functions that take a ``Holder`` serve subaccounts too.
"""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.credentials import CredentialMakeForm
from accounts.queries import callers
from accounts.queries import credentials as queries
from accounts.rotation_rules import Advice
from accounts.services import credentials
from accounts.views.holders import Holder, account_holder
from accounts.views.named_tokens import section
from accounts.views.paging import page_number
from console.core.access import access
from console.core.errors import DomainError
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest


@access(Permission.CREDENTIAL_VIEW)
@require_safe
def credential_list(request: ConsoleRequest) -> HttpResponse:
    """Show the Auth ID, the live tokens and the ended ones."""
    context = tokens_of(request, account_holder(request.actor.account))
    return render(request, "accounts/credential_list.html", {**context, **section(request)})


def tokens_of(request: ConsoleRequest, holder: Holder) -> dict[str, object]:
    """Return what a page shows that lists the holder's tokens."""
    account, now = request.actor.account, timezone.now()
    page = queries.token_page(account, number=page_number(request), now=now, identity=holder.identity)
    if not page.rows and page.number > 1:
        raise Http404
    rotation = callers.rotation_of(account, page.live, now=now) if page.number == 1 else None
    return {"page": page, "rotation": rotation, "holder": holder}


@access(Permission.CREDENTIAL_MANAGE, recent_auth=True, deed="generate an Auth Token")
@require_http_methods(["GET", "HEAD", "POST"])
def credential_make(request: ConsoleRequest) -> HttpResponse:
    """Ask what becomes of the old token, then make a new one and show it once."""
    return make_token(request, account_holder(request.actor.account))


def make_token(request: ConsoleRequest, holder: Holder) -> HttpResponse:
    """Ask what becomes of the holder's old token, then make a new one and show it once."""
    now = timezone.now()
    live = queries.live_tokens_of(request.actor.account, now=now, identity=holder.identity)
    form = CredentialMakeForm(request.POST if request.method == "POST" else None, live=live)
    if not form.is_valid():
        return _ask(request, form, holder)
    try:
        made = credentials.generate_token(
            actor=request.actor, now=now, identity=holder.identity, **form.cleaned_data
        )
    except DomainError as error:
        form.add_error(error.field, str(error))
        return _ask(request, form, holder)
    return render(request, "accounts/credential_reveal.html", {"made": made, "holder": holder})


def _ask(request: ConsoleRequest, form: CredentialMakeForm, holder: Holder) -> HttpResponse:
    status = 422 if form.is_bound else 200
    sides = callers.sides_of(request.actor.account, form.live, now=timezone.now())
    context = {"form": form, "sides": sides, "holder": holder}
    return render(request, "accounts/credential_make.html", context, status=status)


@access(Permission.CREDENTIAL_MANAGE, recent_auth=True, deed="revoke an Auth Token")
@require_http_methods(["GET", "HEAD", "POST"])
def credential_revoke(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Ask once more, then revoke the token."""
    return revoke_token(request, account_holder(request.actor.account), public_id)


def revoke_token(request: ConsoleRequest, holder: Holder, public_id: UUID) -> HttpResponse:
    """Ask once more, then revoke one of the holder's tokens."""
    account, now = request.actor.account, timezone.now()
    if request.method != "POST":
        token = queries.find_token(account, public_id, holder.identity)
        if token is None:
            raise Http404
        context = {"token": token, "text": _warning(callers.advice_on(account, token, now=now))}
        return render(request, "accounts/credential_revoke.html", context | {"holder": holder})
    try:
        token = credentials.revoke_token(
            actor=request.actor, public_id=public_id, now=now, identity=holder.identity
        )
    except credentials.NoSuchToken as error:
        raise Http404 from error
    messages.success(request, f"{token} no longer opens {holder.noun}. Requests with it get 401.")
    return redirect(holder.url)


def _warning(advice: Advice) -> str:
    return (
        f"{advice.toll} Every request that carries it gets 401 from that moment. "
        "A revoked token never works again."
    )
