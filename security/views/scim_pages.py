"""Show how an account's directory provisions it: Settings > Security > Provisioning (SCIM)."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from console.core.access import access
from console.core.errors import DomainError, TooManyRequests
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from security import scim_queries as queries
from security.forms.scim import ScimGroupForm, ScimTokenForm
from security.models import ScimToken
from security.services.scim_groups import set_group_role
from security.services.scim_tokens import make_scim_token, revoke_scim_token

_MANAGE = Permission.SSO_MANAGE
_REFUSED, _OFTEN = 422, 429
_LONGEST = 6


@access(_MANAGE)
@require_safe
def provisioning(request: ConsoleRequest) -> HttpResponse:
    """Show the address, the tokens, and the groups with their roles."""
    account, text = request.actor.account, request.GET.get("page", "1")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < _LONGEST else 1
    rows, total = queries.group_page(account, number=max(number, 1))
    context = {
        "base_url": queries.base_url(),
        "tokens": queries.live_tokens(account, now=timezone.now()),
        "figures": queries.figures_of(account),
        "groups": rows,
        "total": total,
        "default_role": queries.default_role(account).label,
        "earlier_url": f"?page={number + 1}" if number * queries.GROUP_PAGE < total else "",
        "later_url": f"?page={number - 1}" if number > 1 else "",
    }
    return render(request, "security/provisioning.html", context)


@access(_MANAGE, recent_auth=True, deed="make a token for provisioning")
@require_http_methods(["GET", "HEAD", "POST"])
def provisioning_token(request: ConsoleRequest) -> HttpResponse:
    """Ask what becomes of the old token, then show the new one once."""
    now = timezone.now()
    tokens = queries.live_tokens(request.actor.account, now=now)
    form = ScimTokenForm(request.POST if request.method == "POST" else None, has_old=bool(tokens))
    if not form.is_valid():
        return _ask(request, "provisioning_token", form)
    try:
        made = make_scim_token(
            actor=request.actor, keeps_old=form.keeps_old, now=now, form_id=form.cleaned_data["form_id"]
        )
    except DomainError as error:
        return _ask_again(request, "provisioning_token", form, error)
    context = {"made": made, "base_url": queries.base_url(), "hours": settings.CONSOLE_SCIM_OVERLAP_HOURS}
    return render(request, "security/provisioning_secret.html", context)


def _ask(request: ConsoleRequest, page: str, form: Any, status: int = 0, **more: Any) -> HttpResponse:
    status = status or (_REFUSED if form.is_bound else 200)
    return render(request, f"security/{page}.html", {"form": form, **more}, status=status)


def _ask_again(
    request: ConsoleRequest, page: str, form: Any, error: DomainError, **more: Any
) -> HttpResponse:
    form.add_error(error.field if error.field in form.fields else None, str(error))
    return _ask(request, page, form, _OFTEN if isinstance(error, TooManyRequests) else _REFUSED, **more)


@access(_MANAGE, recent_auth=True, deed="revoke a token for provisioning")
@require_http_methods(["GET", "HEAD", "POST"])
def provisioning_revoke(request: ConsoleRequest, credential: UUID) -> HttpResponse:
    """Ask once more, then stop the token."""
    token = ScimToken.objects.of(request.actor.account).filter(public_id=credential).first()
    if token is None:
        raise Http404
    if request.method != "POST":
        return render(request, "security/provisioning_revoke.html", {"token": token})
    revoke_scim_token(actor=request.actor, public_id=credential, now=timezone.now())
    messages.success(request, f"{token} is revoked. Calls with it get 401.")
    return redirect("security:provisioning", account=request.actor.account.auth_id)


@access(_MANAGE, recent_auth=True, deed="set the role of a group")
@require_http_methods(["GET", "HEAD", "POST"])
def provisioning_group(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Ask which role a group stands for."""
    group = queries.find_group(request.actor.account, public_id)
    if group is None:
        raise Http404
    data = request.POST if request.method == "POST" else None
    form = ScimGroupForm(data, initial={"role": group.role or "none"})
    if not form.is_valid():
        return _ask(request, "provisioning_group", form, group=group)
    try:
        set_group_role(actor=request.actor, public_id=public_id, role=form.chosen, now=timezone.now())
    except DomainError as error:
        return _ask_again(request, "provisioning_group", form, error, group=group)
    messages.success(request, f"The role of {group} counts from the next click of its people on.")
    return redirect("security:provisioning", account=request.actor.account.auth_id)
