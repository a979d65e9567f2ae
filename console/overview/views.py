"""Show an account at a glance."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from console.core.access import access
from console.core.permissions import Gate, Permission
from console.core.requests import ConsoleRequest
from console.overview import queries
from teams.queries import find_suspended, home_of


@access(Gate.SIGNED_IN)
@require_safe
def home(request: ConsoleRequest) -> HttpResponse:
    """Lead to the person's first account, or staff to the admin."""
    account = home_of(request.user)
    if account is not None:
        return redirect("overview", account=account.auth_id)
    if request.user.is_staff:
        return redirect("admin:index")
    return render(request, "overview/no_account.html", {"suspended": find_suspended(request.user)})


@access(Permission.OVERVIEW_VIEW)
@require_safe
def overview(request: ConsoleRequest) -> HttpResponse:
    """Show balance, set-up, security and recent activity."""
    return render(request, "overview/overview.html", queries.overview_of(request.actor))
