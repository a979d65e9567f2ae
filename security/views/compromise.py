"""Lead through an account that may be compromised: what to look at, each with its one action."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.core.access import access
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from security import compromise_queries as queries
from security.services import anomalies, members
from security.step_up import session_of

_PAGES = ("anomalies", "sign-ins", "sessions", "tokens", "members")
_LAST_PAGE = 1000


def back(request: ConsoleRequest, part: str = "") -> HttpResponse:
    """Lead to the page, perhaps to one part of it."""
    url = reverse("security:compromise", kwargs={"account": request.actor.account.auth_id})
    return redirect(f"{url}#{part}" if part else url)


@access(Permission.SECURITY_MANAGE)
@require_safe
def compromise(request: ConsoleRequest) -> HttpResponse:
    """Show what to look at when somebody else may have got in."""
    account, now = request.actor.account, timezone.now()
    context: dict[str, Any] = {
        "locked_at": account.locked_down_at,
        "here": session_of(request).public_id,
        "days": queries.ANOMALY_DAYS,
        **queries.parts_of(account, numbers=_numbers(request), now=now),
        "sections": queries.sections_of(account, now=now),
    }
    return render(request, "security/compromise.html", context)


def _numbers(request: ConsoleRequest) -> dict[str, int]:
    found = {name: request.GET.get(name, "") for name in _PAGES}
    return {
        name: min(int(text), _LAST_PAGE)
        for name, text in found.items()
        if text.isascii() and text.isdigit() and int(text[:6]) > 0
    }


@access(Permission.SECURITY_MANAGE)
@require_POST
def anomaly_acknowledge(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Note that somebody has looked at something unusual."""
    try:
        anomalies.acknowledge_anomaly(actor=request.actor, public_id=public_id, now=timezone.now())
    except anomalies.NoSuchAnomaly as error:
        raise Http404 from error
    return back(request, "anomalies")


@access(Permission.SECURITY_MANAGE, recent_auth=True, deed="end a member's session")
@require_POST
def member_session_end(request: ConsoleRequest, session: UUID) -> HttpResponse:
    """End one session of a member."""
    try:
        ended = members.end_member_session(actor=request.actor, public_id=session)
    except members.NoSuchMember as error:
        raise Http404 from error
    name = ended.user.audit_label if ended.user else ""
    if ended.public_id != session_of(request).public_id:
        messages.success(request, f"The session of {name} has ended.")
    return back(request, "sessions")


@access(Permission.SECURITY_MANAGE, recent_auth=True, deed="sign a member out")
@require_http_methods(["GET", "HEAD", "POST"])
def member_sign_out(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Ask, then end every session of a member, who proves more at the next sign-in."""
    member = queries.member_of(request.actor.account, public_id)
    if member is None:
        raise Http404
    if request.method != "POST":
        return render(request, "security/member_sign_out.html", {"member": member})
    user = members.sign_member_out(
        actor=request.actor, public_id=public_id, keep=session_of(request), now=timezone.now()
    )
    messages.success(
        request, f"{user.audit_label} is signed out, and needs a mailed code at the next sign-in."
    )
    return back(request, "members")
