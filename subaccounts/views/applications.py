"""Show applications, make, change, move and delete them."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from console.core.access import access
from console.core.errors import DomainError
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from subaccounts.forms.applications import (
    ApplicationAddForm,
    ApplicationDeleteForm,
    ApplicationForm,
    OwnerForm,
    ResourceFilterForm,
)
from subaccounts.models import Application
from subaccounts.queries import applications as queries
from subaccounts.services import applications as services

_MANAGE = Permission.RESOURCE_MANAGE
REFUSED = 422


@access(_MANAGE)
@require_safe
def application_list(request: ConsoleRequest) -> HttpResponse:
    """Show the applications, with search and a filter by owner."""
    return list_page(request, queries.application_page, "subaccounts/application_list.html")


def list_page(request: ConsoleRequest, page_of: Any, template: str) -> HttpResponse:
    """Show a page of resources."""
    form = ResourceFilterForm(request.GET, owners=queries.owner_choices(request.actor.account))
    page = page_of(request.actor, **form.cleaned_data) if form.is_valid() else queries.ResourcePage([])
    context = {
        "form": form,
        "page": page,
        "is_filtered": bool(form.words),
        "earlier_url": _page_url(form, before=page.earlier),
        "later_url": _page_url(form, after=page.later),
    }
    return render(request, template, context, status=REFUSED if form.errors else 200)


def _page_url(form: ResourceFilterForm, **cursor: int | None) -> str:
    place = {name: str(key) for name, key in cursor.items() if key is not None}
    return f"?{urlencode(form.words | place)}" if place else ""


@access(_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def application_create(request: ConsoleRequest) -> HttpResponse:
    """Ask what the application asks, then make it."""
    owners = queries.owner_choices(request.actor.account)
    data = request.POST if request.method == "POST" else None
    form = ApplicationAddForm(data, owners=owners, owner=request.GET.get("owner", queries.MAIN))
    if form.is_valid():
        values = dict(form.cleaned_data)
        owner, form_id = values.pop("owner"), values.pop("form_id")
        made = attempt(
            form,
            lambda: services.create_application(
                actor=request.actor, values=values, subaccount=owner, form_id=form_id, now=timezone.now()
            ),
        )
        if made is not None:
            messages.success(request, f"{made.name} is made. Its SIP address is {made.sip_uri}.")
            return _to(request, made)
    return ask(request, "application_create", form)


def attempt(form: Any, deed: Any) -> Any:
    """Return what the deed returns, or None with its error in the form."""
    try:
        return deed()
    except DomainError as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return None


def ask(request: ConsoleRequest, page: str, form: Any, **context: Any) -> HttpResponse:
    """Show the form, refused or new."""
    status = REFUSED if form.is_bound else 200
    return render(request, f"subaccounts/{page}.html", {"form": form, **context}, status=status)


def _find(request: ConsoleRequest, app_id: str) -> Application:
    found = queries.find_application(request.actor, app_id)
    if found is None:
        raise Http404
    return found


def _to(request: ConsoleRequest, application: Application) -> HttpResponse:
    account = request.actor.account.auth_id
    return redirect("subaccounts:application", account=account, app_id=application.app_id)


@access(_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def application(request: ConsoleRequest, app_id: str) -> HttpResponse:
    """Show an application in a form, and change it."""
    found = _find(request, app_id)
    known = {name: getattr(found, name) for name in ApplicationForm.base_fields}
    form = ApplicationForm(request.POST if request.method == "POST" else None, initial=known)
    if form.is_valid():
        changed = attempt(
            form,
            lambda: services.change_application(
                actor=request.actor, app_id=app_id, values=form.cleaned_data, now=timezone.now()
            ),
        )
        if changed is not None:
            messages.success(request, f"{changed.name} is changed. The next call goes by it.")
            return _to(request, changed)
    return ask(request, "application", form, application=found, users=queries.users_of(found))


@access(_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def application_move(request: ConsoleRequest, app_id: str) -> HttpResponse:
    """Ask for the new owner, then move the application with its endpoints."""
    found = _find(request, app_id)
    form = owner_form(request, found.subaccount)
    if form.is_valid():
        owner = form.cleaned_data["owner"]
        moved = attempt(
            form,
            lambda: services.move_application(
                actor=request.actor, app_id=app_id, subaccount=owner, now=timezone.now()
            ),
        )
        if moved is not None:
            messages.success(request, f"{moved.name} belongs to {owner_words(form)}.")
            return _to(request, moved)
    return ask(request, "application_move", form, application=found, users=queries.users_of(found))


def owner_form(request: ConsoleRequest, owner: Any) -> OwnerForm:
    """Return the form that asks for a new owner."""
    owners = queries.owner_choices(request.actor.account)
    initial = {"owner": owner.auth_id if owner else queries.MAIN}
    return OwnerForm(request.POST if request.method == "POST" else None, owners=owners, initial=initial)


def owner_words(form: OwnerForm) -> str:
    """Name the chosen owner."""
    names = dict(form.fields["owner"].choices)  # type: ignore[attr-defined]
    return str(names[form.cleaned_data["owner"]]) if form.cleaned_data["owner"] else "the main account"


@access(_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def application_delete(request: ConsoleRequest, app_id: str) -> HttpResponse:
    """Ask what becomes of its endpoints, then delete the application."""
    found = _find(request, app_id)
    users = queries.users_of(found)
    heirs = [
        (key, name) for key, name in queries.application_choices(request.actor, owner=found) if key != app_id
    ]
    data = request.POST if request.method == "POST" else None
    form = ApplicationDeleteForm(data, heirs=heirs, initial={"fate": "keep"})
    if form.is_valid():
        fate, heir = form.cleaned_data["fate"], form.cleaned_data["heir"]
        is_done = attempt(
            form,
            lambda: (
                services.delete_application(
                    actor=request.actor,
                    app_id=app_id,
                    cascade=fate == "delete",
                    new_application=heir if fate == "give" else "",
                    now=timezone.now(),
                )
                or True
            ),
        )
        if is_done:
            messages.success(request, f"{found.name} is deleted.")
            return redirect("subaccounts:application_list", account=request.actor.account.auth_id)
    return ask(request, "application_delete", form, application=found, users=users, has_heirs=bool(heirs))
