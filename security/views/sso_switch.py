"""Test a connection, turn single sign-on on and off, ask members for it; domains and certificates of it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.core.access import access
from console.core.errors import DomainError
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from security import sso_queries as queries
from security.forms.sso import SsoCertificateForm, SsoDomainForm
from security.services import sso_certificates, sso_domains, sso_switch
from security.views.answers import answer, blame
from security.views.sso_settings import connection_or_404, to

_MANAGE = Permission.SSO_MANAGE


@access(_MANAGE)
@require_safe
def sso_test_result(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Show what came of a test: the decoded assertion, what matched, and what is missing."""
    test = queries.find_test(request.actor.account, public_id)
    if test is None:
        raise Http404
    is_old = test.at < test.connection.changed_at
    return render(request, "security/sso_test.html", {"test": test, "is_old": is_old})


def _switch(request: ConsoleRequest, page: str, act: Callable[[], Any], done: str) -> HttpResponse:
    """Ask once more, then act; a refusal is shown on the page of single sign-on."""
    connection = connection_or_404(request)
    if request.method != "POST":
        reach = queries.reach_of(request.actor.account, now=timezone.now())
        proved = {row.domain for row in queries.domains_of(request.actor.account) if row.is_verified}
        asked = sum(one.asked for name, one in reach.items() if name in proved)
        return render(request, f"security/{page}.html", {"connection": connection, "asked": asked})
    return _act(request, act, done)


def _act(request: ConsoleRequest, act: Callable[[], Any], done: str) -> HttpResponse:
    try:
        act()
        messages.success(request, done)
    except DomainError as error:
        messages.error(request, str(error))
    return to("sso", request)


@access(_MANAGE, both_factors=True, deed="turn single sign-on on")
@require_http_methods(["GET", "HEAD", "POST"])
def sso_turn_on(request: ConsoleRequest) -> HttpResponse:
    """Ask once more, then let members sign in with the provider."""
    now, actor = timezone.now(), request.actor
    done = "Single sign-on is on. Members choose it at their next sign-in."
    return _switch(request, "sso_turn_on", lambda: sso_switch.turn_on(actor=actor, now=now), done)


@access(_MANAGE, recent_auth=True, deed="turn single sign-on off")
@require_http_methods(["GET", "HEAD", "POST"])
def sso_turn_off(request: ConsoleRequest) -> HttpResponse:
    """Ask once more, then let nobody sign in with the provider."""
    done = "Single sign-on is off. Members sign in with their passwords."
    return _switch(request, "sso_turn_off", lambda: sso_switch.turn_off(actor=request.actor), done)


@access(_MANAGE, both_factors=True, deed="ask every member for single sign-on")
@require_http_methods(["GET", "HEAD", "POST"])
def sso_enforce(request: ConsoleRequest) -> HttpResponse:
    """Ask once more, then ask every member but the owner for the provider."""
    now, actor = timezone.now(), request.actor
    done = "Single sign-on is enforced. It counts from each member's next sign-in."
    return _switch(request, "sso_enforce", lambda: sso_switch.enforce(actor=actor, now=now), done)


@access(_MANAGE, recent_auth=True, deed="let members sign in with passwords again")
@require_http_methods(["GET", "HEAD", "POST"])
def sso_relax(request: ConsoleRequest) -> HttpResponse:
    """Ask once more, then let members sign in with their passwords too."""
    done = "Single sign-on is not enforced any more. Passwords work again."
    return _switch(request, "sso_relax", lambda: sso_switch.end_enforcement(actor=request.actor), done)


@access(_MANAGE, both_factors=True, deed="remove single sign-on")
@require_http_methods(["GET", "HEAD", "POST"])
def sso_remove(request: ConsoleRequest) -> HttpResponse:
    """Ask once more, then forget the provider."""
    done = "The provider is removed. Proved domains stay."
    return _switch(request, "sso_remove", lambda: sso_switch.remove_connection(actor=request.actor), done)


@access(_MANAGE, both_factors=True, deed="add a certificate of the provider")
@require_http_methods(["GET", "HEAD", "POST"])
def sso_certificate_add(request: ConsoleRequest) -> HttpResponse:
    """Ask for the certificate that comes next."""
    connection = connection_or_404(request)
    form, status = SsoCertificateForm(request.POST if request.method == "POST" else None), 0
    if form.is_valid():
        try:
            sso_certificates.add_certificate(actor=request.actor, now=timezone.now(), **form.cleaned_data)
            messages.success(request, "The certificate counts from now on, beside the other one.")
            return to("sso", request)
        except DomainError as error:
            status = blame(form, error)
    return answer(request, "security/sso_certificate_add.html", form, status=status, connection=connection)


@access(_MANAGE, recent_auth=True, deed="remove a certificate of the provider")
@require_http_methods(["GET", "HEAD", "POST"])
def sso_certificate_remove(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Ask once more, then trust the certificate no more."""
    row = connection_or_404(request).certificates.filter(public_id=public_id).first()
    if row is None:
        raise Http404
    if request.method != "POST":
        return render(request, "security/sso_certificate_remove.html", {"certificate": row})
    actor, now = request.actor, timezone.now()
    return _act(
        request,
        lambda: sso_certificates.remove_certificate(actor=actor, public_id=public_id, now=now),
        "The certificate is removed. Assertions that it signed are refused.",
    )


@access(_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def sso_domain_add(request: ConsoleRequest) -> HttpResponse:
    """Ask for a domain, then show the record that proves it."""
    form, status = SsoDomainForm(request.POST if request.method == "POST" else None), 0
    if form.is_valid():
        try:
            sso_domains.add_domain(actor=request.actor, now=timezone.now(), **form.cleaned_data)
            messages.success(request, "Add the record at your DNS provider. We look for it every 10 minutes.")
            return to("sso", request)
        except DomainError as error:
            status = blame(form, error)
    return answer(request, "security/sso_domain_add.html", form, status=status)


@access(_MANAGE)
@require_POST
def sso_domain_check(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Look for the record of a domain now."""
    if queries.find_domain(request.actor.account, public_id) is None:
        raise Http404
    try:
        row = sso_domains.check_domain(actor=request.actor, public_id=public_id, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
        return to("sso", request)
    if row.is_verified:
        messages.success(request, f"{row.domain} is proved.")
    else:
        messages.warning(request, f"{row.domain}: {row.last_error}")
    return to("sso", request)


@access(_MANAGE, recent_auth=True, deed="give an email domain up")
@require_http_methods(["GET", "HEAD", "POST"])
def sso_domain_remove(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Ask once more, then give the domain up."""
    row = queries.find_domain(request.actor.account, public_id)
    if row is None:
        raise Http404
    if request.method != "POST":
        return render(request, "security/sso_domain_remove.html", {"domain": row})
    actor = request.actor
    return _act(
        request,
        lambda: sso_domains.remove_domain(actor=actor, public_id=public_id),
        f"{row.domain} is given up. Its people sign in with their passwords.",
    )
