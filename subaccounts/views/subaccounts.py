"""List subaccounts, show one, and create, rename, switch and delete them."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import formats, timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.views.paging import page_number
from console.core.access import access
from console.core.errors import DomainError
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from subaccounts.forms.subaccounts import (
    SubaccountDeleteForm,
    SubaccountFilterForm,
    SubaccountMakeForm,
    SubaccountNameForm,
)
from subaccounts.models import Subaccount
from subaccounts.queries import limits
from subaccounts.queries import subaccounts as queries
from subaccounts.services import owned, subaccounts
from subaccounts.views.token_holders import subaccount_holder

P = Permission


@access(P.SUBACCOUNT_VIEW)
@require_safe
def subaccount_list(request: ConsoleRequest) -> HttpResponse:
    """Show the subaccounts that the filters let through, with what they own and spent this month."""
    account, month = request.actor.account, limits.this_month(request.actor.account, timezone.now())
    form = SubaccountFilterForm(request.GET)
    filters = form.cleaned_data if form.is_valid() else {"q": "", "state": ""}
    rows = owned.with_counts(queries.filtered(account, month=month, **filters))
    page = queries.page_of(rows, number=page_number(request), month=month, filters=filters)
    if not page.rows and page.number > 1:
        raise Http404
    events = limits.events_of(account, [row.subaccount.pk for row in page.rows], month)
    kinds = [kind for kind in owned.OWNED if kind.in_lists]
    table = [
        (row, [(kind.plural, getattr(row.subaccount, kind.key)) for kind in kinds], events[row.subaccount.pk])
        for row in page.rows
    ]
    context = {"form": form, "page": page, "table": table, "kinds": kinds, "month": month}
    return render(
        request, "subaccounts/subaccount_list.html", context | {"is_filtered": any(filters.values())}
    )


@access(P.SUBACCOUNT_MANAGE, recent_auth=True, deed="create a subaccount")
@require_http_methods(["GET", "HEAD", "POST"])
def subaccount_make(request: ConsoleRequest) -> HttpResponse:
    """Ask for a name, then create the subaccount and show its Auth Token once."""
    form = SubaccountMakeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            made = subaccounts.create_subaccount(actor=request.actor, now=timezone.now(), **form.cleaned_data)
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            holder = subaccount_holder(request.actor.account, made.subaccount)
            context = {"made": made, "holder": holder, "subaccount": made.subaccount}
            return render(request, "subaccounts/subaccount_reveal.html", context)
    status = 422 if form.is_bound else 200
    return render(request, "subaccounts/subaccount_make.html", {"form": form}, status=status)


def found(request: ConsoleRequest, auth_id: str) -> Subaccount:
    """Return the subaccount of the address, with what it spent this month and how much it owns.

    :raises Http404: if the account has none, or none any more
    """
    account = request.actor.account
    rows = limits.with_spend(queries.live_subaccounts(account), limits.this_month(account, timezone.now()))
    subaccount = queries.find_subaccount(account, auth_id, owned.with_counts(rows))
    if subaccount is None:
        raise Http404
    return subaccount


@access(P.SUBACCOUNT_VIEW)
@require_safe
def subaccount(request: ConsoleRequest, subaccount: str) -> HttpResponse:
    """Show one subaccount: its Auth ID, what it spent, what it owns, and what can be done with it."""
    row, now, account = found(request, subaccount), timezone.now(), request.actor.account
    standing = limits.standing_of(row, limits.this_month(account, now))
    counts = owned.counts_of(row)
    context = {
        "subaccount": row,
        "row": queries.SubaccountRow(row, standing),
        "standing": standing,
        "again": formats.date_format(standing.starts_again, "j F"),
        "reached_on": standing.reached_on(now, account.time_zone),
        "counts": counts,
        "events": limits.events_of(account, [row.pk], standing.month)[row.pk],
        "delete_form": SubaccountDeleteForm(words=words_of(counts)),
    }
    return render(request, "subaccounts/subaccount.html", context)


def words_of(counts: list[tuple[owned.Owned, int]]) -> str:
    """Say how many of each kind there are, leaving out those of which there are none."""
    parts = [kind.words(number) for kind, number in counts if number]
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


@access(P.SUBACCOUNT_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def subaccount_rename(request: ConsoleRequest, subaccount: str) -> HttpResponse:
    """Ask for another name, and give it."""
    row = found(request, subaccount)
    data = request.POST if request.method == "POST" else None
    form = SubaccountNameForm(data, initial={"name": row.name})
    if form.is_valid():
        try:
            changed = subaccounts.change_subaccount(
                actor=request.actor, auth_id=row.auth_id, name=form.cleaned_data["name"], now=timezone.now()
            )
        except DomainError as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, f"It is called {changed.name} now. Its Auth ID stays.")
            return _to(request, row)
    status = 422 if form.is_bound else 200
    context = {"form": form, "subaccount": row}
    return render(request, "subaccounts/subaccount_rename.html", context, status=status)


def _to(request: ConsoleRequest, row: Subaccount) -> HttpResponse:
    return redirect("subaccounts:subaccount", account=request.actor.account.auth_id, subaccount=row.auth_id)


@access(P.SUBACCOUNT_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def subaccount_disable(request: ConsoleRequest, subaccount: str) -> HttpResponse:
    """Ask once more, then refuse the subaccount's calls."""
    row = found(request, subaccount)
    if request.method != "POST":
        return render(request, "subaccounts/subaccount_disable.html", {"subaccount": row})
    _switch(request, row, is_enabled=False)
    messages.success(request, f"{row.name} is disabled. Its calls get 401; what it owns stays.")
    return _to(request, row)


@access(P.SUBACCOUNT_MANAGE)
@require_POST
def subaccount_enable(request: ConsoleRequest, subaccount: str) -> HttpResponse:
    """Let the subaccount call again."""
    row = found(request, subaccount)
    _switch(request, row, is_enabled=True)
    messages.success(request, f"{row.name} is enabled. Its tokens open the API again.")
    return _to(request, row)


def _switch(request: ConsoleRequest, row: Subaccount, *, is_enabled: bool) -> None:
    try:
        subaccounts.change_subaccount(
            actor=request.actor, auth_id=row.auth_id, is_enabled=is_enabled, now=timezone.now()
        )
    except subaccounts.NoSuchSubaccount as error:
        raise Http404 from error


@access(P.SUBACCOUNT_MANAGE, recent_auth=True, deed="delete a subaccount")
@require_http_methods(["GET", "HEAD", "POST"])
def subaccount_delete(request: ConsoleRequest, subaccount: str) -> HttpResponse:
    """Ask what becomes of what it owns, with exact counts, then delete the subaccount."""
    if request.method == "POST":
        return _delete(request, subaccount)
    return _ask(request, found(request, subaccount), None)


def _delete(request: ConsoleRequest, auth_id: str) -> HttpResponse:
    form = SubaccountDeleteForm(request.POST, words="")
    if not form.is_valid():
        return _ask(request, found(request, auth_id), request)
    is_cascading = form.cleaned_data["fate"] == "cascade"
    try:
        deleted = subaccounts.delete_subaccount(
            actor=request.actor, auth_id=auth_id, is_cascading=is_cascading, now=timezone.now()
        )
    except subaccounts.NoSuchSubaccount as error:
        raise Http404 from error
    done = f"{deleted.subaccount.name} is deleted. Its tokens open nothing any more."
    if any(deleted.counts.values()):
        done += " What it owned is deleted too." if is_cascading else " The main account owns what it owned."
    messages.success(request, done)
    return redirect("subaccounts:subaccount_list", account=request.actor.account.auth_id)


def _ask(request: ConsoleRequest, row: Subaccount, sent: ConsoleRequest | None) -> HttpResponse:
    words = words_of(owned.counts_of(row))
    form = SubaccountDeleteForm(sent.POST if sent else None, words=words)
    context = {"form": form, "subaccount": row, "words": words}
    return render(request, "subaccounts/subaccount_delete.html", context, status=422 if sent else 200)
