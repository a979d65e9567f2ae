"""Show the IP allowlist, ask for it, keep its entries and change what it does."""

from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Account
from console.core.access import access
from console.core.addresses import parse_address
from console.core.errors import DomainError
from console.core.networks import NetworkRefused
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from security import allowlist_queries as queries
from security.forms import AllowlistChangeForm, AllowlistEntryForm, AllowlistRequestForm
from security.models import AllowlistAccess, AllowlistEntry
from security.services import allowlist as services

P, Mode, State = Permission, Account.AllowlistMode, AllowlistAccess.State
_BACK = "security:allowlist"
_DONE = {
    Mode.OFF: "The list is off. Calls from every address go through.",
    Mode.REPORT: "The list only reports. Calls from other addresses go through and are noted.",
}


@access(P.ALLOWLIST_MANAGE)
@require_safe
def allowlist(request: ConsoleRequest) -> HttpResponse:
    """Show the list with its replay, or the way to get one."""
    granted = queries.access_of(request.actor.account)
    if granted.state != State.APPROVED:
        return _ask(request, granted, AllowlistRequestForm())
    return render(request, "security/allowlist.html", _page(request, granted))


def _page(request: ConsoleRequest, granted: AllowlistAccess) -> dict[str, Any]:
    account, now = request.actor.account, timezone.now()
    own = parse_address(request.actor.origin.ip or "")
    is_due = granted.confirm_by is not None and granted.confirm_by <= now
    rows = queries.entry_rows(account, now=now)
    return {
        "granted": granted,
        "mode": Mode.REPORT if is_due else account.allowlist_mode,
        "modes": Mode.choices,
        "replay": queries.replay(account, now=now),
        "rows": rows,
        "most": settings.CONSOLE_ALLOWLIST_ENTRIES,
        "minutes": settings.CONSOLE_ALLOWLIST_CONFIRM_MINUTES,
        "own": own,
        "own_entry": queries.admitting(rows, own) if own else None,
        **_checked(request, rows),
    }


def _checked(request: ConsoleRequest, rows: list[queries.EntryRow]) -> dict[str, Any]:
    """Answer "check an address", if one was asked for."""
    text = request.GET.get("check", "").strip()[:64]
    address = parse_address(text)
    entry = queries.admitting(rows, address) if address else None
    return {"check": text, "checked": address, "check_entry": entry}


def _ask(
    request: ConsoleRequest, granted: AllowlistAccess, form: AllowlistRequestForm, status: int = 200
) -> HttpResponse:
    context = {"granted": granted, "form": form}
    return render(request, "security/allowlist_request.html", context, status=status)


@access(P.ALLOWLIST_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def allowlist_request(request: ConsoleRequest) -> HttpResponse:
    """Send the request for access to the staff."""
    if request.method != "POST":
        return _back(request)
    form = AllowlistRequestForm(request.POST)
    if not form.is_valid():
        return _ask(request, queries.access_of(request.actor.account), form, status=422)
    try:
        services.request_access(actor=request.actor, now=timezone.now(), **form.cleaned_data)
    except services.AlreadyAsked as error:
        messages.info(request, str(error))
    return _back(request)


def _back(request: ConsoleRequest) -> HttpResponse:
    return redirect(_BACK, account=request.actor.account.auth_id)


# --- Entries ---------------------------------------------------------------------------------


@access(P.ALLOWLIST_MANAGE, recent_auth=True, deed="add an address to the IP allowlist")
@require_http_methods(["GET", "HEAD", "POST"])
def allowlist_add(request: ConsoleRequest) -> HttpResponse:
    """Ask for a network, label and end, then add it."""
    network = request.GET.get("network", "")[:64]
    form = AllowlistEntryForm(request.POST or None, initial={"network": network}, **_clock(request))
    if request.method != "POST" or not form.is_valid():
        return _ask_entry(request, form)
    try:
        added = services.add_entry(
            actor=request.actor,
            network=form.cleaned_data["network"],
            label=form.cleaned_data["label"],
            expires_at=form.expires_at,
            now=timezone.now(),
        )
    except services.NotGranted:
        return _back(request)
    except DomainError as error:
        form.add_error(error.field, str(error))
        suggestion = error.suggestion if isinstance(error, NetworkRefused) else ""
        return _ask_entry(request, form, suggestion=suggestion)
    messages.success(request, f"{added.entry} is on the list.{_overlaps(added)}")
    return _back(request)


def _clock(request: ConsoleRequest) -> dict[str, Any]:
    zone = request.actor.account.time_zone
    return {"zone": zone, "today": timezone.now().astimezone(ZoneInfo(zone)).date()}


def _overlaps(added: services.AddedEntry) -> str:
    text = ""
    if added.within:
        text += f" {added.within[0]}, on the list already, holds all of it."
    if added.around:
        text += f" It holds {', '.join(map(str, added.around))}, on the list already."
    return text


def _ask_entry(request: ConsoleRequest, form: AllowlistEntryForm, *, suggestion: str = "") -> HttpResponse:
    context = {"form": form, "suggestion": suggestion}
    return render(request, "security/allowlist_add.html", context, status=422 if form.is_bound else 200)


@access(P.ALLOWLIST_MANAGE, recent_auth=True, deed="change an entry of the IP allowlist")
@require_http_methods(["GET", "HEAD", "POST"])
def allowlist_change(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Change label and end of an entry."""
    entry = _entry(request, public_id)
    initial = {"label": entry.label, "until": _last_day(entry, request.actor.account)}
    form = AllowlistChangeForm(
        request.POST if request.method == "POST" else None, initial=initial, **_clock(request)
    )
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(
            request, "security/allowlist_change.html", {"form": form, "entry": entry}, status=status
        )
    label = form.cleaned_data["label"]
    services.change_entry(actor=request.actor, public_id=public_id, label=label, expires_at=form.expires_at)
    messages.success(request, f"{entry} is changed.")
    return _back(request)


def _entry(request: ConsoleRequest, public_id: UUID) -> AllowlistEntry:
    entry = queries.find_entry(request.actor.account, public_id)
    if entry is None:
        raise Http404
    return entry


def _last_day(entry: AllowlistEntry, account: Account) -> date | None:
    if entry.expires_at is None:
        return None
    return entry.expires_at.astimezone(ZoneInfo(account.time_zone)).date()


@access(P.ALLOWLIST_MANAGE, recent_auth=True, deed="remove an address from the IP allowlist")
@require_http_methods(["GET", "HEAD", "POST"])
def allowlist_remove(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Ask once more, then take the entry off the list."""
    entry = _entry(request, public_id)
    if request.method != "POST":
        return render(request, "security/allowlist_remove.html", {"entry": entry})
    services.remove_entry(actor=request.actor, public_id=public_id)
    messages.success(request, f"{entry} is off the list.")
    return _back(request)


# --- Modes -----------------------------------------------------------------------------------


@access(P.ALLOWLIST_MANAGE, recent_auth=True, deed="change what the IP allowlist does")
@require_http_methods(["GET", "HEAD", "POST"])
def allowlist_mode(request: ConsoleRequest, mode: str) -> HttpResponse:
    """Say what the mode will do, then switch to it."""
    if mode not in Mode.values:
        raise Http404
    account = request.actor.account
    if queries.access_of(account).state != State.APPROVED:
        return _back(request)
    if request.method != "POST":
        seen = queries.replay(account, now=timezone.now())
        context = {"mode": mode, "replay": seen, "minutes": settings.CONSOLE_ALLOWLIST_CONFIRM_MINUTES}
        return render(request, "security/allowlist_mode.html", context)
    try:
        services.set_mode(actor=request.actor, mode=mode, now=timezone.now())
    except DomainError as error:
        messages.warning(request, str(error))
        return _back(request)
    if mode in _DONE:
        messages.success(request, _DONE[Mode(mode)])
    return _back(request)


@access(P.ALLOWLIST_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def allowlist_confirm(request: ConsoleRequest) -> HttpResponse:
    """Let the list enforce for good."""
    if request.method == "POST":
        try:
            services.confirm_enforcing(actor=request.actor, now=timezone.now())
            messages.success(request, "The list enforces until somebody changes it.")
        except DomainError as error:
            messages.warning(request, str(error))
    return _back(request)
