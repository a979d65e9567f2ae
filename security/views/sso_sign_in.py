"""Sign in through a company's provider: go there, come back, and say why not."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import login_steps
from accounts.queries.sign_in import route_for
from accounts.services import sessions
from accounts.sessions import own_session, session_row
from console.core.access import access
from console.core.errors import TooManyRequests
from console.core.permissions import Gate
from console.core.requests import ConsoleRequest
from security import sso_gate, sso_queries, step_up
from security.models import SsoRequest
from security.services import sso_finish as finishing
from security.services import sso_sign_in
from security.services.sso_errors import SsoRefused
from security.views.sso_browser import browser_of, forget_browser, leave, remember_browser
from security.views.sso_refusals import refused

Purpose = SsoRequest.Purpose


@access(Gate.PUBLIC)
@require_safe
def sso_begin(request: ConsoleRequest) -> HttpResponse:
    """Tell whoever typed an address of a company with single sign-on where they sign in."""
    email = request.session.get("sign_in_email", "")
    connection = sso_queries.connection_for_domain(email.rpartition("@")[2].lower()) if email else None
    if request.user.is_authenticated:
        return redirect("home")
    if connection is None:
        return redirect("accounts:sign_in")
    context = {
        "email": email,
        "connection": connection,
        "is_only_way": route_for(email) == "sso-only",
    }
    return render(request, "security/sso_begin.html", context)


@access(Gate.PUBLIC)
@require_safe
def sso_start(request: ConsoleRequest, connection: UUID) -> HttpResponse:
    """Send the browser to the provider to sign in."""
    found = sso_queries.find_connection(connection)
    if found is None:
        raise Http404
    following = login_steps.own_path(request.GET.get("next", "")) or request.session.get("next", "")
    user = request.user if request.user.is_authenticated else None
    try:
        return leave(request, connection=found, purpose=Purpose.SIGN_IN, user=user, next_path=following)
    except (SsoRefused, TooManyRequests) as error:
        return refused(request, error)


@access(Gate.PUBLIC)
@csrf_exempt  # another site posts here by design; the request's id and the browser's own cookie take its place
@require_POST
def sso_acs(request: ConsoleRequest, connection: UUID) -> HttpResponse:
    """Take the provider's answer; RelayState is not read: where to go is kept with the request."""
    try:
        taken = sso_sign_in.take_answer(
            connection_id=connection,
            message=request.POST.get("SAMLResponse", ""),
            browser=browser_of(request),
            origin=request.origin,
            now=timezone.now(),
        )
    except (SsoRefused, TooManyRequests) as error:
        return refused(request, error)
    response = redirect("security:sso_finish")
    response.status_code = 303
    if taken.browser:
        remember_browser(response, taken.browser)
    return response


@access(Gate.PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def sso_finish(request: ConsoleRequest) -> HttpResponse:
    """Go on with what the provider's answer led to; ask first when nobody here had asked for it."""
    try:
        waiting = finishing.waiting_answer(browser=browser_of(request), now=timezone.now())
        if request.method != "POST" and (waiting.answer or {}).get("asks"):
            context = {"connection": waiting.connection, "person": finishing.vouched_by(waiting).user}
            return render(request, "security/sso_confirm.html", context)
        if request.method == "HEAD":
            return HttpResponse()
        response = _go_on(request, finishing.take_waiting(asked=waiting, now=timezone.now()))
    except SsoRefused as error:
        response = refused(request, error)
    forget_browser(response)
    return response


def _go_on(request: Any, found: SsoRequest) -> HttpResponse:
    if found.purpose == Purpose.TEST:
        _check_asker(request, found)
        account, test = found.connection.account.auth_id, (found.answer or {})["test"]
        return redirect("security:sso_test_result", account=account, public_id=test)
    vouched = finishing.vouched_by(found)
    if found.purpose == Purpose.STEP_UP:
        _check_asker(request, found)
        return _confirm(request, found, vouched)
    return _sign_in(request, found, vouched)


def _check_asker(request: Any, found: SsoRequest) -> None:
    if not request.user.is_authenticated or request.user.pk != found.user_id:
        raise SsoRefused("stale", "the person who asked is not signed in here any more")


def _confirm(request: Any, found: SsoRequest, vouched: finishing.Vouched) -> HttpResponse:
    session = step_up.session_of(request)
    now = timezone.now()
    finishing.note_step_up(user=request.user, session=session, origin=request.origin, now=now)
    step_up.note_provider(request, is_two_factor=vouched.is_two_factor, now=now)
    return redirect(found.next_path or "home")


def _sign_in(request: Any, found: SsoRequest, vouched: finishing.Vouched) -> HttpResponse:
    overview = reverse("overview", kwargs={"account": vouched.connection.account.auth_id})
    following = login_steps.own_path(found.next_path) or overview
    if request.user.is_authenticated and request.user.pk == vouched.user.pk:
        return _add_proof(request, vouched, following)
    if request.user.is_authenticated:
        sessions.sign_out(session=session_row(request), origin=request.origin)
        request.session.flush()
    if found.next_path or "next" not in request.session:
        request.session["next"] = following
    sign_in = login_steps.begin(request, vouched.user, method="sso", is_two_factor=vouched.is_two_factor)
    sso_gate.note_vouched(request, vouched.connection, is_own=False)
    _tie(request, vouched)
    return login_steps.advance(request, sign_in)


def _add_proof(request: Any, vouched: finishing.Vouched, following: str) -> HttpResponse:
    """Let a session that is open already open the provider's account as well."""
    sso_gate.note_vouched(request, vouched.connection, is_own=True)
    request.session.cycle_key()
    rotate_token(request)
    _tie(request, vouched)
    return redirect(following)


def _tie(request: Any, vouched: finishing.Vouched) -> None:
    """Tie the session to the provider's: it ends by its logout, and no later than it says or we allow."""
    request.session.save()
    session = own_session(request)
    finishing.note_session(vouched=vouched, session_id=session.public_id, now=timezone.now())
    if vouched.ends_at and vouched.ends_at < request.session.get_expiry_date():
        request.session.set_expiry(vouched.ends_at)
