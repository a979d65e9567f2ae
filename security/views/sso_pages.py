"""Pages around a company's provider: which sign-in is missing, what we tell providers, and signing out there too."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import login_steps
from accounts.services import sessions
from accounts.sessions import session_row
from console.core.access import access
from console.core.errors import TooManyRequests
from console.core.permissions import Gate, Permission
from console.core.requests import ConsoleRequest
from security import queries, sso_gate, sso_queries, step_up
from security.models import SsoRequest
from security.services import sso_logout
from security.services.sso_errors import SsoRefused
from security.sso.metadata import sp_metadata
from security.views.sso_browser import leave
from security.views.sso_refusals import refused

_OURS = "same-origin"


@access(Gate.PUBLIC)
@require_safe
def sso_metadata(request: ConsoleRequest, connection: UUID) -> HttpResponse:
    """Hand out what the provider may know about the connection."""
    found = sso_queries.find_connection(connection)
    if found is None:
        raise Http404
    xml = sp_metadata(connection_id=found.public_id, certificate_pem=found.certificate)
    name = f"{settings.SITE_NAME.lower().replace(' ', '-')}-metadata.xml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(xml, content_type="application/samlmetadata+xml", headers=headers)


@access(Gate.SIGNING_IN)
@require_safe
def sso_step(request: ConsoleRequest) -> HttpResponse:
    """Lead a person whose password opens no account of theirs to their company's provider."""
    if answer := login_steps.detour(request, "security:sso_step"):
        return answer
    connections = sso_queries.required_of(request.sign_in.user)
    return render(request, "security/sso_step.html", {"connections": connections})


@access(Gate.SIGNED_IN)
@require_safe
def sso_needed(request: ConsoleRequest, connection: UUID) -> HttpResponse:
    """Ask a signed-in person for the sign-in that one of their accounts requires."""
    found = next((row for row in sso_queries.required_of(request.user) if row.public_id == connection), None)
    if found is None:
        raise Http404
    following = login_steps.own_path(request.GET.get("next", ""))
    return render(request, "security/sso_needed.html", {"connection": found, "next": following})


@access(Gate.SIGNED_IN)
@require_safe
def sso_elsewhere(request: ConsoleRequest) -> HttpResponse:
    """Say that a provider's sign-in does not open the accounts of others, and lead to the person's own."""
    if sso_gate.is_own(request):
        return redirect("home")
    return render(request, "security/sso_elsewhere.html", {"email": request.user.email})


@access(Gate.SIGNED_IN)
@require_POST
def sso_own(request: ConsoleRequest) -> HttpResponse:
    """End the provider's session here, and ask for the person's own password."""
    email = request.user.email
    sessions.sign_out(session=session_row(request), origin=request.origin)
    request.session.flush()
    request.session["sign_in_email"] = email
    messages.info(request, "Sign in with your own password to open this account.")
    return redirect("accounts:sign_in_password")


@access(Permission.SSO_MANAGE)
@require_safe
def sso_test(request: ConsoleRequest) -> HttpResponse:
    """Send the browser to the provider to test the connection; a link, since forms may not lead to other sites.

    A good test links whoever tests, so it begins on our page: another site, or a mail, leads to that page only.
    """
    connection = sso_queries.connection_of(request.actor.account)
    if connection is None:
        raise Http404
    request.actor.require(Permission.SSO_MANAGE)
    if request.headers.get("Sec-Fetch-Site", _OURS) != _OURS:
        messages.info(request, "Begin the test here. When it passes, the provider can sign you in.")
        return redirect("security:sso", account=request.actor.account.auth_id)
    try:
        return leave(request, connection=connection, purpose=SsoRequest.Purpose.TEST, user=request.user)
    except (SsoRefused, TooManyRequests) as error:
        return refused(request, error)


@access(Gate.SIGNED_IN)
@require_safe
def sso_confirm(request: ConsoleRequest, act: UUID) -> HttpResponse:
    """Send the person to the provider to confirm a held act by a fresh sign-in there."""
    session = step_up.session_of(request)
    held = queries.find_held(act, user=request.user, session_id=session.public_id)
    connection = sso_gate.confirming(request)
    if held is None or connection is None:
        raise Http404
    back = reverse("security:confirm", args=[act])
    try:
        return leave(
            request,
            connection=connection,
            purpose=SsoRequest.Purpose.STEP_UP,
            user=request.user,
            next_path=back,
        )
    except (SsoRefused, TooManyRequests) as error:
        return refused(request, error)


@access(Gate.PUBLIC)
@require_safe
def sso_slo(request: ConsoleRequest, connection: UUID) -> HttpResponse:
    """Carry out a provider's logout message, or take its answer to ours."""
    try:
        address = sso_logout.take_logout(
            connection_id=connection,
            query=request.META.get("QUERY_STRING", ""),
            origin=request.origin,
            now=timezone.now(),
        )
    except (SsoRefused, TooManyRequests) as error:
        return refused(request, error)
    if address:
        return redirect(address)
    request.session.pop("farewell", None)
    return render(request, "security/sso_signed_out.html", {"is_everywhere": True})


@access(Gate.PUBLIC)
@require_safe
def sso_signed_out(request: ConsoleRequest) -> HttpResponse:
    """Say that the session at the provider goes on, and how to end it."""
    farewell = request.session.get("farewell")
    if farewell is None or request.user.is_authenticated:
        return redirect("accounts:sign_in")
    return render(request, "security/sso_signed_out.html", {"farewell": farewell})
