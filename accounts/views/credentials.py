"""Show the account's Auth ID and Auth Tokens, and make and revoke tokens."""

from uuid import UUID

from django.conf import settings
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
    account, now = request.actor.account, timezone.now()
    page = queries.token_page(account, number=page_number(request), now=now)
    if not page.rows and page.number > 1:
        raise Http404
    rotation = callers.rotation_of(account, page.live, now=now) if page.number == 1 else None
    context = {"page": page, "rotation": rotation, "api_url": _api_url(request), **section(request)}
    return render(request, "accounts/credential_list.html", context)


def _api_url(request: ConsoleRequest) -> str:
    return f"{settings.BASE_URL}/v1/Account/{request.actor.account.auth_id}/"


@access(Permission.CREDENTIAL_MANAGE, recent_auth=True, deed="generate an Auth Token")
@require_http_methods(["GET", "HEAD", "POST"])
def credential_make(request: ConsoleRequest) -> HttpResponse:
    """Ask what becomes of the old token, then make a new one and show it once."""
    live = queries.live_tokens_of(request.actor.account, now=timezone.now())
    form = CredentialMakeForm(request.POST if request.method == "POST" else None, live=live)
    if not form.is_valid():
        return _ask(request, form)
    try:
        made = credentials.generate_token(actor=request.actor, now=timezone.now(), **form.cleaned_data)
    except DomainError as error:
        form.add_error(error.field, str(error))
        return _ask(request, form)
    return render(request, "accounts/credential_reveal.html", {"made": made, "api_url": _api_url(request)})


def _ask(request: ConsoleRequest, form: CredentialMakeForm) -> HttpResponse:
    status = 422 if form.is_bound else 200
    sides = callers.sides_of(request.actor.account, form.live, now=timezone.now())
    return render(request, "accounts/credential_make.html", {"form": form, "sides": sides}, status=status)


@access(Permission.CREDENTIAL_MANAGE, recent_auth=True, deed="revoke an Auth Token")
@require_http_methods(["GET", "HEAD", "POST"])
def credential_revoke(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Ask once more, then revoke the token."""
    account = request.actor.account
    if request.method != "POST":
        token = queries.find_token(account, public_id)
        if token is None:
            raise Http404
        advice = callers.advice_on(account, token, now=timezone.now())
        return render(request, "accounts/credential_revoke.html", {"token": token, "text": _warning(advice)})
    try:
        token = credentials.revoke_token(actor=request.actor, public_id=public_id, now=timezone.now())
    except credentials.NoSuchToken as error:
        raise Http404 from error
    messages.success(request, f"{token} no longer opens the account. Requests with it get 401.")
    return redirect("accounts:credential_list", account=account.auth_id)


def _warning(advice: Advice) -> str:
    return (
        f"{advice.toll} Every request that carries it gets 401 from that moment. "
        "A revoked token never works again."
    )
