"""Show what each role may do, and the console as another role sees it."""

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from console.core.access import access
from console.core.exports import csv_lines
from console.core.permissions import Gate, Permission
from console.core.requests import ConsoleRequest
from teams import preview, roster, services
from teams.roles import MANAGE, NOTHING, READ, Role, matrix
from teams.views.members import frame_of

_MANAGE = Permission.TEAM_MANAGE


@access(_MANAGE)
@require_safe
def role_list(request: ConsoleRequest) -> HttpResponse:
    """Show the table of rights, drawn from the code that enforces it."""
    counts = roster.counts_of(request.actor.account)
    context = {
        **frame_of(request),
        "roles": [(role, counts.get(role.value, 0), role in preview.OFFERED) for role in Role],
        "groups": matrix(),
        "span": len(Role) + 1,
        "words": {"manage": MANAGE, "read": READ, "nothing": NOTHING},
        "total": sum(counts.values()),
    }
    return render(request, "teams/role_list.html", context)


@access(_MANAGE)
@require_safe
def role_csv(request: ConsoleRequest) -> HttpResponseBase:
    """Send the table of rights as CSV."""
    rows = [[heading, area, *words] for heading, areas in matrix() for area, words in areas]
    header = ("Group", "Area", *(role.label for role in Role))
    headers = {"Content-Disposition": 'attachment; filename="roles.csv"'}
    return StreamingHttpResponse(
        csv_lines(header, [rows]), content_type="text/csv; charset=utf-8", headers=headers
    )


@access(_MANAGE)
@require_POST
def role_view(request: ConsoleRequest, role: str) -> HttpResponse:
    """Look at the console as the role, until it is left."""
    if role not in preview.OFFERED:
        raise Http404
    chosen = Role(role)
    services.note_role_seen(actor=request.actor, role=chosen)
    preview.begin(request, chosen)
    return redirect("overview", account=request.actor.account.auth_id)


@access(Gate.SIGNED_IN)
@require_POST
def role_leave(request: ConsoleRequest, auth_id: str) -> HttpResponse:
    """Look as oneself again."""
    preview.leave(request, auth_id)
    messages.info(request, "You see the console as yourself again.")
    return redirect("teams:role_list", account=auth_id)
