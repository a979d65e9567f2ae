"""Make, change and revoke named tokens, and decide how long tokens may live."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.forms.named_tokens import NamedTokenChangeForm, NamedTokenForm, TokenLifetimeForm
from accounts.models import Credential
from accounts.queries import named_tokens as queries
from accounts.services import named_tokens as services
from accounts.services import token_lifetime
from accounts.services.credentials import MadeToken, NoSuchToken
from accounts.views.paging import page_number
from console.core.access import access
from console.core.errors import DomainError
from console.core.permissions import Permission, grantable
from console.core.requests import ConsoleRequest

P = Permission


def section(request: ConsoleRequest) -> dict[str, Any]:
    """Return what the part of the Credentials page about named tokens shows."""
    half = request.GET.get("named", "live")
    if half not in {"live", "ended"}:
        raise Http404
    account, now = request.actor.account, timezone.now()
    number = page_number(request, "named_page")
    page = queries.named_page(account, half=half, number=number, now=now)
    if not page.rows and number > 1:
        raise Http404
    facts = {"named": page, "most": settings.CONSOLE_NAMED_TOKENS, "person_id": request.actor.user.pk}
    return facts | {
        "days": account.token_days,
        "old_tokens": queries.old_primary(account, days=account.token_days, now=now),
    }


@access(P.CREDENTIAL_OWN, recent_auth=True, deed="make a named token")
@require_http_methods(["GET", "HEAD", "POST"])
def named_token_make(request: ConsoleRequest) -> HttpResponse:
    """Ask what the token may do, then make it and show it once."""
    actor, now = request.actor, timezone.now()
    data = request.POST if request.method == "POST" else None
    form = NamedTokenForm(data, grantable=grantable(actor.rights), days=actor.account.token_days)
    if not form.is_valid():
        return _ask(request, form)
    values = {name: form.cleaned_data[name] for name in ("name", "permissions", "cidrs", "form_id")}
    try:
        made = services.make_named_token(actor=actor, ends_at=form.ends_at(now), now=now, **values)
    except DomainError as error:
        _blame(form, error)
        return _ask(request, form)
    return _reveal(request, made)


def _blame(form: NamedTokenChangeForm, error: DomainError) -> None:
    """Show the error beside its field; a refused network belongs to the list of networks."""
    field = "cidrs" if error.field == "network" else error.field
    form.add_error(field, str(error))


def _ask(request: ConsoleRequest, form: NamedTokenForm) -> HttpResponse:
    context = {"form": form, "days": request.actor.account.token_days}
    status = 422 if form.is_bound else 200
    return render(request, "accounts/named_token_make.html", context, status=status)


def _reveal(request: ConsoleRequest, made: MadeToken) -> HttpResponse:
    address = f"{settings.BASE_URL}/v1/Account/{request.actor.account.auth_id}/"
    row = queries.NamedRow(made.credential, "live")
    return render(request, "accounts/named_token_reveal.html", {"made": made, "row": row, "api_url": address})


@access(P.CREDENTIAL_OWN, recent_auth=True, deed="change a named token")
@require_http_methods(["GET", "HEAD", "POST"])
def named_token_change(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Change name and networks of a live token."""
    token = _find(request, public_id)
    if not token.is_live(timezone.now()):
        return _back(request)
    initial = {"name": token.name, "cidrs": "\n".join(str(cidr) for cidr in token.cidrs or [])}
    form = NamedTokenChangeForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        try:
            services.change_named_token(
                actor=request.actor, public_id=public_id, now=timezone.now(), **form.cleaned_data
            )
        except NoSuchToken:
            return _back(request)
        except DomainError as error:
            _blame(form, error)
    if form.is_bound and not form.errors:
        messages.success(request, f"{form.cleaned_data['name']} is changed. It counts from the next call on.")
        return _back(request)
    context = {"form": form, "token": token, "refused": queries.refused_callers(token)}
    context["row"] = queries.NamedRow(token, "live")
    status = 422 if form.is_bound else 200
    return render(request, "accounts/named_token_change.html", context, status=status)


def _find(request: ConsoleRequest, public_id: UUID) -> Credential:
    """Return the token, if it is one that the person may change."""
    token = queries.find_named(request.actor.account, public_id)
    if token is None:
        raise Http404
    if token.made_by_id != request.actor.user.pk:
        request.actor.require(P.CREDENTIAL_MANAGE)
    return token


def _back(request: ConsoleRequest) -> HttpResponse:
    return redirect("accounts:credential_list", account=request.actor.account.auth_id)


@access(P.CREDENTIAL_OWN, recent_auth=True, deed="revoke a named token")
@require_http_methods(["GET", "HEAD", "POST"])
def named_token_revoke(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Ask once more, then revoke the token."""
    token = _find(request, public_id)
    if request.method != "POST":
        return render(request, "accounts/named_token_revoke.html", {"token": token})
    services.revoke_named_token(actor=request.actor, public_id=public_id, now=timezone.now())
    messages.success(request, f"{token.name} no longer opens anything. Requests with it get 401.")
    return _back(request)


@access(P.SECURITY_MANAGE, recent_auth=True, deed="change how long tokens may live")
@require_http_methods(["GET", "HEAD", "POST"])
def token_lifetime_edit(request: ConsoleRequest) -> HttpResponse:
    """Show what a policy would change, then set it."""
    account, now = request.actor.account, timezone.now()
    data = request.POST if request.method == "POST" else request.GET or None
    form = TokenLifetimeForm(data, initial={"days": account.token_days or "none"})
    days = form.cleaned_data["days"] if form.is_valid() else account.token_days
    if request.method == "POST" and form.is_valid():
        token_lifetime.set_token_lifetime(actor=request.actor, days=days, now=now)
        messages.success(request, _said(days))
        return _back(request)
    preview = queries.preview_lifetime(account, days=days, now=now)
    context = {"form": form, "days": days, "present": account.token_days, "preview": preview}
    context["grace"] = settings.CONSOLE_TOKEN_GRACE_DAYS
    status = 422 if form.errors else 200
    return render(request, "accounts/token_lifetime.html", context, status=status)


def _said(days: int | None) -> str:
    if days is None:
        return "Tokens live as long as their makers say. The ends that they asked for hold again."
    return f"Tokens live {days} days at most. Makers of tokens that now end sooner get a mail."
