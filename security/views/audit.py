"""Show, export and verify an account's audit log: Account > Settings > Audit log."""

import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from console.core import audit_log
from console.core.access import access
from console.core.events import EventKind
from console.core.models import AuditEvent
from console.core.permissions import Permission
from security import services
from security.forms import AuditForm
from security.views import audit_rows
from teams.queries import people_of

_VIEW = Permission.AUDIT_VIEW
_REFUSED = 422


@access(_VIEW)
@require_safe
def log(request: Any) -> HttpResponse:
    """Show the account's events, newest first."""
    account = request.actor.account
    form = _form(request)
    page = audit_log.Page([])
    if form.is_valid():
        cursor = {name: form.cleaned_data[name] for name in ("before", "after")}
        page = audit_log.page_of(audit_log.chain_of(account), form.filters(), **cursor)
    context = {
        "form": form,
        "rows": [audit_rows.row_of(event) for event in page.events],
        "is_filtered": bool(form.words),
        "query": urlencode(form.words),
        "earlier_url": _page_url(form, before=page.earlier),
        "later_url": _page_url(form, after=page.later),
    }
    return render(request, "security/audit_log.html", context, status=_REFUSED if form.errors else 200)


@access(_VIEW)
@require_safe
def event(request: Any, public_id: uuid.UUID) -> HttpResponse:
    """Show one event with everything that is known about it."""
    found = audit_log.find_event(audit_log.chain_of(request.actor.account), public_id)
    if found is None:
        raise Http404
    context = {
        "row": audit_rows.row_of(found),
        "changes": audit_rows.changes_of(found),
        "details": audit_rows.details_of(found),
        "digest": bytes(found.digest).hex(),
        "previous": bytes(found.previous).hex(),
    }
    return render(request, "security/audit_event.html", context)


@access(_VIEW, reads=True)
@require_POST
def csv(request: Any) -> HttpResponseBase:
    """Send the events that the filters let through as CSV."""
    return _export(request, "csv", "text/csv; charset=utf-8", audit_rows.csv_file)


@access(_VIEW, reads=True)
@require_POST
def json(request: Any) -> HttpResponseBase:
    """Send the events that the filters let through as JSON."""
    auth_id = request.actor.account.auth_id
    return _export(
        request, "json", "application/json", lambda batches: audit_rows.json_file(batches, account=auth_id)
    )


def _export(
    request: Any,
    file_format: str,
    content_type: str,
    write: Callable[[Iterator[list[AuditEvent]]], Iterator[bytes]],
) -> HttpResponseBase:
    form = _form(request)
    if not form.is_valid():
        return redirect(f"{_address(request, 'audit_log')}?{request.GET.urlencode()}")
    now = timezone.now()
    batches = services.export_log(
        actor=request.actor, filters=form.filters(), file_format=file_format, now=now
    )
    day = timezone.localtime(now, form.zone).date()
    name = f"audit-log-{request.actor.account.auth_id}-{day}.{file_format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(_pieces(batches, write), content_type=content_type, headers=headers)


def _pieces(
    batches: Generator[list[AuditEvent], None, None],
    write: Callable[[Iterator[list[AuditEvent]]], Iterator[bytes]],
) -> Iterator[bytes]:
    """Yield the file; the batches end when the reader goes away."""
    with closing(batches):
        yield from write(batches)


@access(_VIEW)
@require_POST
def verify(request: Any) -> HttpResponse:
    """Compute the chain again, and lead to the result."""
    noted = services.verify_log(actor=request.actor, now=timezone.now())
    return redirect("security:audit_result", account=request.actor.account.auth_id, public_id=noted.public_id)


@access(_VIEW)
@require_safe
def result(request: Any, public_id: uuid.UUID) -> HttpResponse:
    """Show what a verification found."""
    found = audit_log.find_event(audit_log.chain_of(request.actor.account), public_id)
    if found is None or found.kind != EventKind.AUDIT_LOG_VERIFIED:
        raise Http404
    context = {"row": audit_rows.row_of(found), "found": found.data}
    return render(request, "security/audit_result.html", context)


def _form(request: Any) -> AuditForm:
    account = request.actor.account
    return AuditForm(request.GET, account=account, people=people_of(account))


def _page_url(form: AuditForm, **cursor: int | None) -> str:
    """Return the address of the page beside this one, or nothing when there is none."""
    place = {name: str(seq) for name, seq in cursor.items() if seq is not None}
    return f"?{urlencode(form.words | place)}" if place else ""


def _address(request: Any, name: str) -> str:
    return reverse(f"security:{name}", kwargs={"account": request.actor.account.auth_id})
