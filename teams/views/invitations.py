"""Invite people, and keep the invitations that are open: Account > Settings > Team."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.core.access import access
from console.core.errors import DomainError, TooManyRequests
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from teams import roster, services
from teams.forms import MANY, MemberInviteForm, MemberInviteManyForm
from teams.models import Invitation
from teams.roles import Role
from teams.views.members import frame_of

_MANAGE = Permission.TEAM_MANAGE
_REFUSED, _OFTEN = 422, 429


@access(_MANAGE)
@require_safe
def invitation_list(request: ConsoleRequest) -> HttpResponse:
    """Show the invitations that wait."""
    page = _number(request.GET.get("page", ""))
    invitations, total = roster.invitations_page(request.actor.account, number=page)
    context = {
        **frame_of(request),
        "invitations": invitations,
        "now": timezone.now(),
        "most": settings.CONSOLE_INVITATIONS_OPEN,
        "days": settings.CONSOLE_INVITATION_DAYS,
        "earlier_url": f"?{urlencode({'page': page + 1})}" if page * roster.PAGE < total else "",
        "later_url": f"?{urlencode({'page': page - 1})}" if page > 1 else "",
    }
    return render(request, "teams/invitation_list.html", context)


def _number(text: str) -> int:
    return min(max(int(text), 1), 10_000) if text.isascii() and text.isdigit() and len(text) < 10 else 1  # noqa: PLR2004


@access(_MANAGE, recent_auth=True, deed="invite somebody to the team")
@require_http_methods(["GET", "HEAD", "POST"])
def member_invite(request: ConsoleRequest) -> HttpResponse:
    """Ask for an address and a role, then send the invitation."""
    zone, now = request.actor.account.time_zone, timezone.now()
    form = MemberInviteForm(
        request.POST if request.method == "POST" else None,
        zone=zone,
        today=now.astimezone(ZoneInfo(zone)).date(),
        initial={"email": request.GET.get("email", "")[:254], "role": Role.DEVELOPER},
    )
    if not form.is_valid():
        return _ask(request, "member_invite", form)
    values = form.cleaned_data
    try:
        sent = services.invite_member(
            actor=request.actor,
            email=values["email"],
            role=Role(values["role"]),
            member_ends_at=form.ends_at,
            now=now,
        )
    except DomainError as error:
        return _refuse(request, "member_invite", form, error)
    _tell(request, sent, form.warning)
    return _back(request)


def _tell(request: ConsoleRequest, sent: Invitation, warning: str | None) -> None:
    again = " The link before has ended." if sent.turn > 1 else ""
    days = settings.CONSOLE_INVITATION_DAYS
    messages.success(request, f"{sent.email} has a link that works once, for {days} days.{again}")
    if warning:
        messages.warning(request, warning)


@access(_MANAGE, recent_auth=True, deed="invite people to the team")
@require_http_methods(["GET", "HEAD", "POST"])
def member_invite_many(request: ConsoleRequest) -> HttpResponse:
    """Ask for several addresses and one role, then send the invitations."""
    form = MemberInviteManyForm(
        request.POST if request.method == "POST" else None, initial={"role": Role.DEVELOPER}
    )
    if not form.is_valid():
        return _ask(request, "member_invite_many", form, most=MANY)
    role, refused, sent = Role(form.cleaned_data["role"]), [], 0
    for email in form.cleaned_data["emails"]:
        try:
            services.invite_member(actor=request.actor, email=email, role=role, now=timezone.now())
            sent += 1
        except DomainError as error:
            refused.append(str(error))
    if sent:
        messages.success(request, f"{sent} of {sent + len(refused)} addresses have a link now.")
    for reason in dict.fromkeys(refused):
        messages.warning(request, reason)
    return _back(request)


def _ask(
    request: ConsoleRequest, name: str, form: forms.Form, *, status: int = _REFUSED, **more: Any
) -> HttpResponse:
    context = {"form": form, "days": settings.CONSOLE_INVITATION_DAYS, **more}
    return render(request, f"teams/{name}.html", context, status=status if form.is_bound else 200)


def _refuse(request: ConsoleRequest, name: str, form: forms.Form, error: DomainError) -> HttpResponse:
    form.add_error(error.field, str(error))
    if not isinstance(error, TooManyRequests):
        return _ask(request, name, form)
    response = _ask(request, name, form, status=_OFTEN)
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def _back(request: ConsoleRequest) -> HttpResponse:
    return redirect("teams:invitation_list", account=request.actor.account.auth_id)


@access(_MANAGE, recent_auth=True, deed="send an invitation again")
@require_POST
def invitation_resend(request: ConsoleRequest, invitation: UUID) -> HttpResponse:
    """Send a new link, which ends the one before."""
    try:
        sent = services.resend_invitation(actor=request.actor, invitation_id=invitation, now=timezone.now())
    except DomainError as error:
        messages.warning(request, str(error))
    else:
        _tell(request, sent, None)
    return _back(request)


@access(_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_revoke(request: ConsoleRequest, invitation: UUID) -> HttpResponse:
    """Ask once more, then take the invitation back."""
    found = roster.find_open_invitation(request.actor.account, invitation)
    if found is None:
        raise Http404
    if request.method != "POST":
        return render(request, "teams/invitation_revoke.html", {"invitation": found})
    try:
        services.revoke_invitation(actor=request.actor, invitation_id=invitation, now=timezone.now())
        messages.success(request, f"The link of {found.email} has ended.")
    except DomainError as error:
        messages.warning(request, str(error))
    return _back(request)
