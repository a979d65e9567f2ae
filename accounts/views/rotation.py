"""Show who uses a token, and put off the end of an old one."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.credentials import CredentialExtendForm
from accounts.models import Credential
from accounts.queries import callers
from accounts.queries import credentials as queries
from accounts.services import rotation
from accounts.views.holders import Holder, account_holder
from accounts.views.paging import page_number
from console.core.access import access
from console.core.errors import DomainError
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest


@access(Permission.CREDENTIAL_VIEW)
@require_safe
def credential_callers(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Show who called with the token within the last days, and whether it may be revoked."""
    return show_callers(request, account_holder(request.actor.account), public_id)


def show_callers(request: ConsoleRequest, holder: Holder, public_id: UUID) -> HttpResponse:
    """Show who called with one of the holder's tokens within the last days."""
    account, now = request.actor.account, timezone.now()
    token = queries.find_any_token(account, public_id, holder.identity)
    if token is None:
        raise Http404
    page = callers.caller_page(account, token, number=page_number(request), now=now)
    if not page.rows and page.number > 1:
        raise Http404
    context = {"token": token, "state": queries.state_of(token, now=now), "page": page}
    context |= {"advice": callers.advice_on(account, token, now=now), "holder": holder}
    return render(request, "accounts/credential_callers.html", context)


def _token(request: ConsoleRequest, holder: Holder, public_id: UUID) -> Credential:
    token = queries.find_token(request.actor.account, public_id, holder.identity)
    if token is None:
        raise Http404
    return token


@access(Permission.CREDENTIAL_MANAGE, recent_auth=True, deed="put off the end of an Auth Token")
@require_http_methods(["GET", "HEAD", "POST"])
def credential_extend(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Ask how much longer an old token works, once."""
    return extend_token(request, account_holder(request.actor.account), public_id)


def extend_token(request: ConsoleRequest, holder: Holder, public_id: UUID) -> HttpResponse:
    """Ask how much longer an old token of the holder works, once."""
    token = _token(request, holder, public_id)
    form = CredentialExtendForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _ask(request, holder, token, form)
    try:
        token = rotation.extend_token(
            actor=request.actor,
            public_id=public_id,
            extend=form.cleaned_data["extend"],
            now=timezone.now(),
            identity=holder.identity,
        )
    except DomainError as error:
        form.add_error(None, str(error))
        return _ask(request, holder, token, form)
    messages.success(request, f"{token} works until {timezone.localtime(token.ends_at):%d %B, %H:%M}.")
    return redirect(holder.url)


def _ask(
    request: ConsoleRequest, holder: Holder, token: Credential, form: CredentialExtendForm
) -> HttpResponse:
    now = timezone.now()
    context = {
        "holder": holder,
        "token": token,
        "form": form,
        "advice": callers.advice_on(request.actor.account, token, now=now),
    }
    context |= {"can_extend": token.is_live(now) and token.ends_at and not hasattr(token, "extension")}
    status = 422 if form.is_bound else 200
    return render(request, "accounts/credential_extend.html", context, status=status)
