"""Show how well an account is guarded, with a button for each finding, and put findings off."""

from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.core.access import access
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from security import checkup_queries as queries
from security.checkup_rules import LABELS
from security.forms import SnoozeForm
from security.services import checkup as services

_MANAGE = Permission.SECURITY_MANAGE
_PERSONAL = {"recovery-codes"}


@access(_MANAGE)
@require_safe
def checkup(request: ConsoleRequest) -> HttpResponse:
    """Show score, findings, what was put off, and what is well."""
    now = timezone.now()
    found = queries.checkup_of(request.actor.account, now=now)
    context: dict[str, Any] = {
        "checkup": found,
        "findings": [_shown(request, row) for row in found.open],
        "snoozes": [
            {
                "row": row,
                "label": LABELS.get(row.check_name, row.check_name),
                "is_live": row.ended_at is None and row.until > now,
                "state": _state(row, now),
            }
            for row in found.snoozes
        ],
        "width": 30 * len(found.rows) - 2,
    }
    return render(request, "security/checkup.html", context)


def _state(row: Any, now: Any) -> str:
    if row.ended_at:
        return "Ended"
    return "Put off" if row.until > now else "Over"


def _shown(request: ConsoleRequest, row: queries.Row) -> dict[str, Any]:
    """Return a finding with its button: the page that fixes it, or a mail to the one person who can."""
    emails = row.finding.emails if row.finding else ()
    others = [email for email in emails if email != request.actor.user.email]
    if row.check.name in _PERSONAL and len(others) == len(emails):
        return {"row": row, "url": f"mailto:{','.join(others)}", "label": "Write to them"}
    route, label = settings.CHECKUP_FIXES[row.check.name]
    url = reverse(route, kwargs={"account": request.actor.account.auth_id})
    return {"row": row, "url": url, "label": label}


@access(_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def finding_snooze(request: ConsoleRequest, check: str) -> HttpResponse:
    """Ask why a finding may wait and until when, and put it off."""
    found = queries.find_check(check)
    if found is None:
        raise Http404
    zone, now = request.actor.account.time_zone, timezone.now()
    form = SnoozeForm(
        request.POST if request.method == "POST" else None,
        zone=zone,
        today=now.astimezone(ZoneInfo(zone)).date(),
    )
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "security/finding_snooze.html", {"form": form, "check": found}, status=status)
    services.snooze_finding(
        actor=request.actor, name=check, reason=form.cleaned_data["reason"], until=form.until_at, now=now
    )
    return _back(request)


@access(_MANAGE)
@require_POST
def finding_unsnooze(request: ConsoleRequest, check: str) -> HttpResponse:
    """Show a finding again."""
    try:
        services.unsnooze_finding(actor=request.actor, name=check, now=timezone.now())
    except services.NoSuchFinding as error:
        raise Http404 from error
    return _back(request)


def _back(request: ConsoleRequest) -> HttpResponse:
    return redirect("security:checkup", account=request.actor.account.auth_id)
