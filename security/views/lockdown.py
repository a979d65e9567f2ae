"""Lock an account down, and lead it back step by step."""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.core.access import access
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from security import compromise_queries as queries
from security.services import lockdown as services
from security.services import reopening
from security.step_up import session_of
from security.views.compromise import back

_MANAGE = Permission.SECURITY_MANAGE


@access(_MANAGE, second_factor=True, deed="lock down the account")
@require_http_methods(["GET", "HEAD", "POST"])
def lock_down(request: ConsoleRequest) -> HttpResponse:
    """Say what it ends, then lock the account down."""
    account = request.actor.account
    if request.method == "POST":
        # A message would be written to a session that another admin's lock-down may just have ended.
        services.lock_down(actor=request.actor, keep=session_of(request), now=timezone.now())
        return _way_back(request)
    if account.tokens_held_at:
        return _way_back(request)
    return render(request, "security/lock_down.html", {"locked_at": account.locked_down_at})


def _way_back(request: ConsoleRequest) -> HttpResponse:
    return redirect("security:way_back", account=request.actor.account.auth_id)


@access(_MANAGE)
@require_safe
def way_back(request: ConsoleRequest) -> HttpResponse:
    """Show what the lock-down ended, and what is to be done before the account is open again."""
    found = queries.open_lockdown(request.actor.account)
    if found is None:
        return back(request)
    checklist = queries.checklist_of(found, viewer=request.actor.user)
    return render(request, "security/way_back.html", {"lockdown": found, "checklist": checklist})


@access(_MANAGE, recent_auth=True, deed="tick a step of the way back")
@require_POST
def step_tick(request: ConsoleRequest, step: str) -> HttpResponse:
    """Note that a step is done which no fact shows."""
    if step not in queries.CONFIRMED_STEPS:
        raise Http404
    return _do(request, lambda: reopening.tick_step(actor=request.actor, name=step, now=timezone.now()))


@access(Permission.CREDENTIAL_MANAGE, second_factor=True, deed="let Auth Tokens be made again")
@require_POST
def tokens_reopen(request: ConsoleRequest) -> HttpResponse:
    """Let Auth Tokens be made again."""
    return _do(request, lambda: reopening.reopen_tokens(actor=request.actor, now=timezone.now()))


@access(_MANAGE, second_factor=True, deed="reopen the account")
@require_POST
def account_reopen(request: ConsoleRequest) -> HttpResponse:
    """End the lock-down."""

    def reopen() -> None:
        reopening.reopen_account(actor=request.actor, now=timezone.now())
        messages.success(request, "The account is open again.")

    return _do(request, reopen)


def _do(request: ConsoleRequest, deed: Callable[[], object]) -> HttpResponse:
    """Do a step of the way back; what refuses it is said on the page."""
    try:
        deed()
    except (reopening.StepsLeft, reopening.NotLocked) as error:
        messages.warning(request, str(error))
    return _way_back(request)
