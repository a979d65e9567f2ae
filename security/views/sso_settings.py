"""Show single sign-on as it stands, and set it up page by page."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from console.core.access import access
from console.core.errors import DomainError
from console.core.outbound import Outbound
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from security import sso_queries as queries
from security.forms.sso import (
    SsoAttributesForm,
    SsoFileForm,
    SsoGroupForm,
    SsoHandForm,
    SsoProviderForm,
    SsoRulesForm,
    SsoUrlForm,
)
from security.models import SsoConnection
from security.services import sso_metadata, sso_setup
from security.sso import addresses
from security.sso_guides import guide_of
from security.views.answers import answer, blame
from security.views.sso_rows import State, hints_of, state_of

_MANAGE = Permission.SSO_MANAGE
_WAYS: dict[str, Any] = {"url": SsoUrlForm, "file": SsoFileForm, "hand": SsoHandForm}


@access(_MANAGE)
@require_safe
def sso(request: ConsoleRequest) -> HttpResponse:
    """Show the connection with its domains and certificates, or begin."""
    account, now = request.actor.account, timezone.now()
    connection = queries.connection_of(account)
    if connection is None:
        return answer(request, "security/sso_provider.html", _provider_form(None))
    context = {"state": _state(connection, now), "values": _labelled(connection)}
    return render(request, "security/sso.html", context)


def _labelled(connection: SsoConnection) -> list[tuple[str, str]]:
    """Return our values, each with the provider's name for it."""
    ours = values_of(connection)
    return [(label, ours[name]) for label, name in guide_of(connection.provider).values]


def _state(connection: SsoConnection, now: Any) -> State:
    return state_of(
        connection,
        domains=queries.domains_of(connection.account),
        test=queries.last_test(connection),
        reach=queries.reach_of(connection.account, now=now),
        now=now,
    )


def _provider_form(connection: SsoConnection | None, data: Any = None) -> SsoProviderForm:
    form = SsoProviderForm(data, initial={"provider": connection.provider if connection else "okta"})
    form.fields["provider"].widget.hints = hints_of()
    return form


@access(_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def sso_provider(request: ConsoleRequest) -> HttpResponse:
    """Ask whose provider it is."""
    connection = queries.connection_of(request.actor.account)
    form = _provider_form(connection, request.POST if request.method == "POST" else None)
    status = 0
    if form.is_valid():
        try:
            sso_setup.choose_provider(actor=request.actor, now=timezone.now(), **form.cleaned_data)
            return to("sso_guide", request)
        except DomainError as error:
            status = blame(form, error)
    return answer(request, "security/sso_provider.html", form, status=status, connection=connection)


def to(route: str, request: ConsoleRequest, **more: Any) -> HttpResponse:
    """Redirect to a page of the account."""
    return redirect(f"security:{route}", account=request.actor.account.auth_id, **more)


def connection_or_404(request: ConsoleRequest) -> SsoConnection:
    """Return the account's connection.

    :raises Http404: if it has none
    """
    connection = queries.connection_of(request.actor.account)
    if connection is None:
        raise Http404
    return connection


@access(_MANAGE)
@require_safe
def sso_guide(request: ConsoleRequest) -> HttpResponse:
    """Say where to click at the provider, with the exact values to copy."""
    connection = connection_or_404(request)
    context = {
        "connection": connection,
        "guide": guide_of(connection.provider),
        "values": _labelled(connection),
        "ours": values_of(connection),
    }
    return render(request, "security/sso_guide.html", context)


def values_of(connection: SsoConnection) -> dict[str, str]:
    """Return the addresses by which the provider knows us."""
    own = connection.public_id
    entity_id = addresses.entity_id(own)
    return {
        "acs": addresses.acs_url(own),
        "entity": entity_id,
        "metadata": entity_id,
        "slo": addresses.slo_url(own),
    }


@access(_MANAGE, both_factors=True, deed="say which provider signs members in")
@require_http_methods(["GET", "HEAD", "POST"])
def sso_connect(request: ConsoleRequest) -> HttpResponse:
    """Ask for the provider's metadata by address, by file or by hand."""
    connection = connection_or_404(request)
    way = request.POST.get("way", "") if request.method == "POST" else ""
    known = {
        "url": connection.metadata_url,
        "entity_id": connection.entity_id,
        "sso_url": connection.sso_url,
        "slo_url": connection.slo_url,
    }
    pages = {
        name: form(request.POST, request.FILES) if name == way else form(initial=known)
        for name, form in _WAYS.items()
    }
    status = 422 if way else 200
    if way in pages and pages[way].is_valid():
        try:
            facts = _facts(request, way, pages[way])
            sso_setup.put_facts(actor=request.actor, facts=facts, now=timezone.now())
            return _connected(request)
        except DomainError as error:
            status = blame(pages[way], error)
    context = {"connection": connection, "guide": guide_of(connection.provider), "forms": pages, "way": way}
    return render(request, "security/sso_connect.html", context, status=status)


def _facts(request: ConsoleRequest, way: str, form: Any) -> sso_setup.ProviderFacts:
    if way == "url":
        url, now = form.cleaned_data["url"], timezone.now()
        return sso_metadata.fetch_facts(actor=request.actor, url=url, client=Outbound(), now=now)
    if way == "file":
        return sso_metadata.read_facts(form.cleaned_data["file"], field="file")
    facts: sso_setup.ProviderFacts = form.facts
    return facts


def _connected(request: ConsoleRequest) -> HttpResponse:
    messages.success(request, "The provider is known. Test the connection next.")
    return to("sso", request)


@access(_MANAGE, both_factors=True, deed="say which attributes name a member")
@require_http_methods(["GET", "HEAD", "POST"])
def sso_attributes(request: ConsoleRequest) -> HttpResponse:
    """Ask under which names the provider sends who somebody is."""
    connection = connection_or_404(request)
    known = {name: getattr(connection, f"{name}_attribute") for name in sso_setup.ATTRIBUTES}
    form, status = SsoAttributesForm(request.POST if request.method == "POST" else None, initial=known), 0
    if form.is_valid():
        try:
            sso_setup.put_attributes(actor=request.actor, names=form.cleaned_data, now=timezone.now())
            messages.success(request, "Saved. Test the connection to see what arrives.")
            return to("sso", request)
        except DomainError as error:
            status = blame(form, error)
    return answer(request, "security/sso_attributes.html", form, status=status, connection=connection)


@access(_MANAGE, both_factors=True, deed="change the rules of single sign-on")
@require_http_methods(["GET", "HEAD", "POST"])
def sso_rules(request: ConsoleRequest) -> HttpResponse:
    """Ask for the role of new members, and what a sign-in with the provider is worth."""
    connection = connection_or_404(request)
    names = ("default_role", "is_two_factor", "allows_idp_initiated")
    known = {name: getattr(connection, name) for name in names}
    form, status = SsoRulesForm(request.POST if request.method == "POST" else None, initial=known), 0
    if form.is_valid():
        try:
            sso_setup.put_rules(actor=request.actor, **form.cleaned_data)
            messages.success(request, "Saved. The rules count from the next sign-in.")
            return to("sso_rules", request)
        except DomainError as error:
            status = blame(form, error)
    more = {"connection": connection, "groups": connection.group_roles.order_by("group")}
    return answer(request, "security/sso_rules.html", form, status=status, **more)


@access(_MANAGE, recent_auth=True, deed="let a group decide a role")
@require_http_methods(["GET", "HEAD", "POST"])
def sso_group_add(request: ConsoleRequest) -> HttpResponse:
    """Ask for a group of the provider, and the role it stands for."""
    connection = connection_or_404(request)
    form: forms.Form = SsoGroupForm(request.POST if request.method == "POST" else None)
    status = 0
    if form.is_valid():
        try:
            sso_setup.put_group(actor=request.actor, **form.cleaned_data)
            messages.success(request, "The group decides the role from the next sign-in.")
            return to("sso_rules", request)
        except DomainError as error:
            status = blame(form, error)
    return answer(request, "security/sso_group_add.html", form, status=status, connection=connection)


@access(_MANAGE, recent_auth=True, deed="forget the role of a group")
@require_http_methods(["GET", "HEAD", "POST"])
def sso_group_remove(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Ask once more, then forget which role the group stands for."""
    connection = connection_or_404(request)
    group = connection.group_roles.filter(public_id=public_id).first()
    if group is None:
        raise Http404
    if request.method != "POST":
        return render(request, "security/sso_group_remove.html", {"group": group})
    try:
        sso_setup.remove_group(actor=request.actor, public_id=public_id)
        messages.success(request, "The group decides nothing any more.")
    except DomainError as error:
        messages.error(request, str(error))
    return to("sso_rules", request)
