"""Show endpoints, make, change, move and delete them. A password that the console makes is shown once."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from console.core.access import access
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from subaccounts.forms.applications import EndpointAddForm, EndpointForm
from subaccounts.models import Endpoint
from subaccounts.queries import applications as queries
from subaccounts.services import endpoints as services
from subaccounts.views.applications import ask, attempt, list_page, owner_form, owner_words

_MANAGE = Permission.RESOURCE_MANAGE


@access(_MANAGE)
@require_safe
def endpoint_list(request: ConsoleRequest) -> HttpResponse:
    """Show the endpoints, with search and a filter by owner."""
    return list_page(request, queries.endpoint_page, "subaccounts/endpoint_list.html")


@access(_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def endpoint_create(request: ConsoleRequest) -> HttpResponse:
    """Ask for a name, then make the endpoint and show how its phone registers."""
    form = EndpointAddForm(
        request.POST if request.method == "POST" else None,
        applications=queries.application_choices(request.actor),
        owners=queries.owner_choices(request.actor.account),
        owner=request.GET.get("owner", queries.MAIN),
    )
    if form.is_valid():
        values = dict(form.cleaned_data)
        has_own, owner = bool(values["password"]), values.pop("owner")
        made = attempt(
            form,
            lambda: services.create_endpoint(
                actor=request.actor,
                subaccount="" if values["app_id"] else owner,
                now=timezone.now(),
                **values,
            ),
        )
        if made is not None:
            context = {"made": made, "has_own": has_own}
            return render(request, "subaccounts/endpoint_made.html", context)
    return ask(request, "endpoint_create", form)


def _find(request: ConsoleRequest, endpoint_id: str) -> Endpoint:
    found = queries.find_endpoint(request.actor, endpoint_id)
    if found is None:
        raise Http404
    return found


def _to(request: ConsoleRequest, endpoint: Endpoint) -> HttpResponse:
    account = request.actor.account.auth_id
    return redirect("subaccounts:endpoint", account=account, endpoint_id=endpoint.endpoint_id)


@access(_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def endpoint(request: ConsoleRequest, endpoint_id: str) -> HttpResponse:
    """Show an endpoint in a form, and change it."""
    found = _find(request, endpoint_id)
    known = {"alias": found.alias, "app_id": found.application.app_id if found.application else ""}
    data = request.POST if request.method == "POST" else None
    form = EndpointForm(data, applications=_applications(request, found), initial=known)
    if form.is_valid():
        values = dict(form.cleaned_data)
        values["password"] = values["password"] or None
        changed = attempt(
            form,
            lambda: services.change_endpoint(
                actor=request.actor, endpoint_id=endpoint_id, now=timezone.now(), **values
            ),
        )
        if changed is not None:
            said = " Its phone registers with the new password." if values["password"] else ""
            messages.success(request, f"{changed.alias} is changed.{said}")
            return _to(request, changed)
    return ask(request, "endpoint", form, endpoint=found)


def _applications(request: ConsoleRequest, endpoint: Endpoint) -> list[tuple[str, str]]:
    """Return the choices, the present application among them however old it is."""
    found, own = queries.application_choices(request.actor), endpoint.application
    if own and own.app_id not in dict(found):
        found.append((own.app_id, own.name))
    return found


@access(_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def endpoint_move(request: ConsoleRequest, endpoint_id: str) -> HttpResponse:
    """Ask for the new owner, then move the endpoint."""
    found = _find(request, endpoint_id)
    form = owner_form(request, found.subaccount)
    if form.is_valid():
        owner = form.cleaned_data["owner"]
        moved = attempt(
            form,
            lambda: services.move_endpoint(
                actor=request.actor, endpoint_id=endpoint_id, subaccount=owner, now=timezone.now()
            ),
        )
        if moved is not None:
            messages.success(request, f"{moved.alias} belongs to {owner_words(form)}.")
            return _to(request, moved)
    return ask(request, "endpoint_move", form, endpoint=found)


@access(_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def endpoint_delete(request: ConsoleRequest, endpoint_id: str) -> HttpResponse:
    """Ask once more, then delete the endpoint."""
    found = _find(request, endpoint_id)
    if request.method != "POST":
        return render(request, "subaccounts/endpoint_delete.html", {"endpoint": found})
    try:
        services.delete_endpoint(actor=request.actor, endpoint_id=endpoint_id)
    except services.NoSuchEndpoint as error:
        raise Http404 from error
    messages.success(request, f"{found.alias} is deleted. Its phone can no longer register.")
    return redirect("subaccounts:endpoint_list", account=request.actor.account.auth_id)
