"""Show the team and its members, and change them: Account > Settings > Team."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.core.access import access
from console.core.errors import DomainError
from console.core.exports import csv_lines
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from teams import roster, services
from teams.forms import MemberEndForm, MemberRaiseForm, MemberRoleForm, RosterForm
from teams.roles import HINTS, Role
from teams.roster import Filters, Page, Row

_MANAGE = Permission.TEAM_MANAGE
_REFUSED = 422
_HEADER = (
    "Name", "Email", "Role", "Role now", "Second factors", "Last sign-in (UTC)", "Live tokens", "Member since (UTC)",
    "Ends (UTC)", "State",
)  # fmt: skip


@access(_MANAGE)
@require_safe
def member_list(request: ConsoleRequest) -> HttpResponse:
    """Show the members, with search and filters."""
    account, now = request.actor.account, timezone.now()
    form = RosterForm(request.GET)
    filters = form.filters() if form.is_valid() else Filters(words=form.words)
    page = Page([], 0, 1)
    if form.is_valid():
        number = form.cleaned_data["page"] or 1
        page = roster.page_of(account, filters, number=number, now=now)
    context = {
        "form": form,
        "page": page,
        "is_filtered": bool(filters.words),
        "query": urlencode(filters.words),
        "earlier_url": _page_url(filters, page.after),
        "later_url": _page_url(filters, page.before),
        **frame_of(request),
    }
    return render(request, "teams/member_list.html", context, status=_REFUSED if form.errors else 200)


def frame_of(request: ConsoleRequest) -> dict[str, Any]:
    """Return what every Team page shows above its content: tabs with counts, and the plan."""
    account, now = request.actor.account, timezone.now()
    facts = roster.facts_of(account)
    plan_end = facts.plan_end
    grace = timedelta(days=settings.CONSOLE_GRACE_DAYS)
    return {
        "open_count": facts.open_count,
        "member_count": facts.member_count,
        "review_due": facts.review_due,
        "plan_end": plan_end,
        "has_plan": plan_end is not None and plan_end > now,
        "closes_at": plan_end + grace if plan_end else None,
        "is_closed": plan_end is None or plan_end + grace <= now,
        "plan_amount": settings.CONSOLE_PLAN_AMOUNT,
        "grace_days": settings.CONSOLE_GRACE_DAYS,
    }


def _page_url(filters: Filters, number: int | None) -> str:
    return f"?{urlencode(filters.words | {'page': str(number)})}" if number else ""


@access(_MANAGE, reads=True)
@require_POST
def roster_csv(request: ConsoleRequest) -> HttpResponseBase:
    """Send the members that the filters let through as CSV."""
    form = RosterForm(request.GET)
    if not form.is_valid():
        return _back(request)
    now = timezone.now()
    batches = services.export_roster(actor=request.actor, filters=form.filters(), now=now)
    name = f"team-{request.actor.account.auth_id}-{now.date()}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    lines = csv_lines(_HEADER, ([_cells(row) for row in batch] for batch in batches))
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _cells(row: Row) -> list[object]:
    member, user = row.member, row.member.user
    seen, ends = user.last_login, member.ends_at
    about: list[object] = [user.full_name, user.email, Role(member.role).label, row.role.label]
    about += [", ".join(row.factors) or "None", seen.isoformat() if seen else "Never", row.tokens]
    return [*about, member.created_at.isoformat(), ends.isoformat() if ends else "", row.state or "live"]


@access(_MANAGE)
@require_POST
def review_finish(request: ConsoleRequest) -> HttpResponse:
    """Note that the access review is done."""
    try:
        services.finish_review(actor=request.actor, now=timezone.now())
    except DomainError as error:
        return _warn(request, error)
    messages.success(request, "The access review is noted. The next one comes with the next quarter.")
    return _back(request)


@access(_MANAGE)
@require_safe
def member(request: ConsoleRequest, member: UUID) -> HttpResponse:
    """Show one member with everything that can be changed."""
    row = _find(request, member)
    context = {"row": row, "hint": HINTS[row.role], "minutes": settings.CONSOLE_RAISE_MINUTES}
    return render(request, "teams/member.html", context)


def _find(request: ConsoleRequest, public_id: UUID) -> Row:
    row = roster.find_member(request.actor.account, public_id, now=timezone.now())
    if row is None:
        raise Http404
    return row


def _back(request: ConsoleRequest) -> HttpResponse:
    return redirect("teams:member_list", account=request.actor.account.auth_id)


def _to_member(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    return redirect("teams:member", account=request.actor.account.auth_id, member=public_id)


def _ask(
    request: ConsoleRequest, name: str, row: Row, form: forms.Form | None = None, **more: Any
) -> HttpResponse:
    context = {"row": row, "form": form, **more}
    status = _REFUSED if form is not None and form.is_bound else 200
    return render(request, f"teams/{name}.html", context, status=status)


def _warn(request: ConsoleRequest, error: DomainError) -> HttpResponse:
    messages.warning(request, str(error))
    return _back(request)


@access(_MANAGE, recent_auth=True, deed="change the role of a member")
@require_http_methods(["GET", "HEAD", "POST"])
def member_role(request: ConsoleRequest, member: UUID) -> HttpResponse:
    """Ask for another role, then give it."""
    row = _find(request, member)
    form = MemberRoleForm(
        request.POST if request.method == "POST" else None, initial={"role": row.member.role}
    )
    if not form.is_valid():
        return _ask(request, "member_role", row, form)
    role = Role(form.cleaned_data["role"])
    try:
        services.change_role(actor=request.actor, member_id=member, role=role, now=timezone.now())
    except DomainError as error:
        return _warn(request, error)
    messages.success(request, f"{row.member.user.full_name} is {role.label} from the next click on.")
    return _back(request)


@access(_MANAGE, recent_auth=True, deed="make a member Admin for a while")
@require_http_methods(["GET", "HEAD", "POST"])
def member_raise(request: ConsoleRequest, member: UUID) -> HttpResponse:
    """Ask for the reason, then make the member Admin for an hour."""
    row = _find(request, member)
    form = MemberRaiseForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _ask(request, "member_raise", row, form, minutes=settings.CONSOLE_RAISE_MINUTES)
    reason, now = form.cleaned_data["reason"], timezone.now()
    try:
        services.raise_member(actor=request.actor, member_id=member, reason=reason, now=now)
    except DomainError as error:
        return _warn(request, error)
    minutes = settings.CONSOLE_RAISE_MINUTES
    messages.success(request, f"{row.member.user.full_name} is Admin for {minutes} minutes.")
    return _to_member(request, member)


@access(_MANAGE)
@require_POST
def member_lower(request: ConsoleRequest, member: UUID) -> HttpResponse:
    """End the time as Admin."""
    row = _find(request, member)
    try:
        services.lower_member(actor=request.actor, member_id=member, now=timezone.now())
    except DomainError as error:
        return _warn(request, error)
    messages.success(request, f"{row.member.user.full_name} is {Role(row.member.role).label} again.")
    return _to_member(request, member)


@access(_MANAGE, recent_auth=True, deed="change when a membership ends")
@require_http_methods(["GET", "HEAD", "POST"])
def member_end(request: ConsoleRequest, member: UUID) -> HttpResponse:
    """Ask for the last day, then set it."""
    row, zone, now = _find(request, member), request.actor.account.time_zone, timezone.now()
    form = MemberEndForm(
        request.POST if request.method == "POST" else None,
        zone=zone,
        today=now.astimezone(ZoneInfo(zone)).date(),
        initial={"until": _last_day(row, zone)},
    )
    if not form.is_valid():
        return _ask(request, "member_end", row, form, zone=zone)
    try:
        services.change_end(actor=request.actor, member_id=member, ends_at=form.ends_at, now=now)
    except DomainError as error:
        return _warn(request, error)
    messages.success(request, f"The membership of {row.member.user.full_name} is changed.")
    return _to_member(request, member)


def _last_day(row: Row, zone: str) -> Any:
    ends_at = row.member.ends_at
    return (ends_at.astimezone(ZoneInfo(zone)) - timedelta(seconds=1)).date() if ends_at else None


@access(_MANAGE, recent_auth=True, deed="sign a member out everywhere")
@require_http_methods(["GET", "HEAD", "POST"])
def member_sessions(request: ConsoleRequest, member: UUID) -> HttpResponse:
    """Ask once more, then sign the member out everywhere."""
    row = _find(request, member)
    if request.method != "POST":
        return _ask(request, "member_sessions", row)
    try:
        services.end_sessions_of(actor=request.actor, member_id=member)
    except DomainError as error:
        return _warn(request, error)
    messages.success(request, f"{row.member.user.full_name} is signed out everywhere.")
    return _to_member(request, member)


@access(_MANAGE, recent_auth=True, deed="remove a member from the team")
@require_http_methods(["GET", "HEAD", "POST"])
def member_remove(request: ConsoleRequest, member: UUID) -> HttpResponse:
    """Say what the removal ends, then remove the member."""
    row = _find(request, member)
    if request.method != "POST":
        return _ask(request, "member_remove", row, tokens=roster.count_named_tokens(row.member))
    try:
        services.remove_member(actor=request.actor, member_id=member, now=timezone.now())
    except DomainError as error:
        return _warn(request, error)
    if row.member.user_id == request.user.pk:
        return redirect("home")
    messages.success(request, f"{row.member.user.full_name} is out of the team.")
    return _back(request)
