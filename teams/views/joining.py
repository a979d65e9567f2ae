"""What the link of an invitation leads to: every way ends with something to do next, and opening it changes nothing."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import login_steps
from accounts.models import User
from accounts.queries.sign_in import route_for
from accounts.services import sessions
from accounts.sessions import session_row
from console.core.access import access
from console.core.errors import DomainError, TooManyRequests
from console.core.headers import keep_address_secret
from console.core.permissions import Gate
from console.core.requests import ConsoleRequest
from teams import links, queries, roster, services
from teams.forms import InvitedSignUpForm
from teams.models import Invitation
from teams.roles import HINTS, Role

_KEY = "invitation"
_NOWHERE = links.Link(UUID(int=0), 0)
_REFUSED, _OFTEN, _GONE = 422, 429, 410
_ASKABLE = {"expired", "revoked", "orphaned", "suspended"}


@access(Gate.PUBLIC)
@require_safe
def invitation_open(request: ConsoleRequest, token: str) -> HttpResponse:
    """Take the token out of the address, and lead to the page of the invitation."""
    if request.method == "GET":
        _keep(request, _read(token))
    return keep_address_secret(redirect("teams:invitation"))


def _read(token: str) -> links.Link:
    try:
        return links.read_token(token)
    except links.InvitationRefused:
        return _NOWHERE


def _keep(request: ConsoleRequest, link: links.Link) -> None:
    # The name of the row opens nothing by itself: a link is signed, and what is kept here is not.
    request.session[_KEY] = [str(link.invitation_id), link.turn]


def _kept(request: ConsoleRequest) -> links.Link | None:
    kept = request.session.get(_KEY)
    return links.Link(UUID(kept[0]), kept[1]) if kept else None


def _opened(request: ConsoleRequest) -> Invitation:
    """Return the invitation whose live link this browser opened.

    :raises InvitationRefused: if there is none
    """
    link = _kept(request) or _NOWHERE
    return links.check_link(roster.find_invitation(link.invitation_id), link, now=timezone.now())


@access(Gate.PUBLIC)
@require_safe
def invitation(request: ConsoleRequest) -> HttpResponse:
    """Say what the invitation is, and what this person does next."""
    try:
        found = _opened(request)
    except links.InvitationRefused as error:
        return _over(request, error)
    if request.user.is_authenticated:
        if request.user.email_key != found.email_key:
            return _page(request, "invitation_other", found)
        return redirect("teams:invitation_join", invitation=found.public_id)
    if _has_sign_in(found) or route_for(found.email, found.account) == "sso-only":
        return _page(request, "invitation_sign_in", found)
    return redirect("teams:invitation_sign_up")


def _has_sign_in(found: Invitation) -> bool:
    # Whoever has the link reads the mailbox, so it may tell them; nobody else gets here.
    return User.objects.filter(email_key=found.email_key).exclude(email_verified_at=None).exists()


def _page(
    request: ConsoleRequest, name: str, found: Invitation, *, status: int = 200, **more: Any
) -> HttpResponse:
    context = {
        "invitation": found,
        "role": Role(found.role).label,
        "hint": HINTS[Role(found.role)],
        "inviter": found.invited_by.full_name if found.invited_by else settings.SITE_NAME,
        **more,
    }
    return render(request, f"teams/{name}.html", context, status=status)


def _over(
    request: ConsoleRequest, error: DomainError, *, status: int = _GONE, told: str = ""
) -> HttpResponse:
    """Show why the link opens nothing, and the way on: ask again, sign in, or open the account."""
    link = _kept(request)
    found = roster.find_invitation(link.invitation_id) if link else None
    user = request.user if request.user.is_authenticated else None
    is_member = (
        found is not None
        and user is not None
        and user.email_key == found.email_key
        and queries.is_member(user, found.account)
    )
    context = {
        "invitation": found,
        "reason": "missing" if link is None else error.code,
        "is_member": is_member,
        "can_ask": found is not None and error.code in _ASKABLE and not told,
        "told": told,
    }
    return render(request, "teams/invitation_over.html", context, status=status)


@access(Gate.PUBLIC)
@require_POST
def invitation_sign_in(request: ConsoleRequest) -> HttpResponse:
    """Lead to the sign-in of the invited address, and back to the invitation."""
    try:
        found = _opened(request)
    except links.InvitationRefused as error:
        return _over(request, error)
    _aim(request, found)
    request.session["sign_in_email"] = found.email
    return redirect("accounts:sign_in")


def _aim(request: ConsoleRequest, found: Invitation) -> None:
    """Have the sign-in end at the invitation; its page asks for the address, so the link is not needed there."""
    request.session["next"] = reverse("teams:invitation_join", kwargs={"invitation": found.public_id})


@sensitive_post_parameters("password")
@access(Gate.PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_sign_up(request: ConsoleRequest) -> HttpResponse:
    """Ask an invited person without a sign-in for name and password; phone and second factor follow."""
    try:
        found = _opened(request)
    except links.InvitationRefused as error:
        return _over(request, error)
    if (
        request.user.is_authenticated
        or _has_sign_in(found)
        or route_for(found.email, found.account) == "sso-only"
    ):
        return redirect("teams:invitation")
    sent = request.POST if request.method == "POST" else None
    form = InvitedSignUpForm(sent, email=found.email, company=found.account.name)
    if not form.is_valid():
        return _page(request, "invitation_sign_up", found, form=form, status=_REFUSED if sent else 200)
    return _sign_up(request, found, form)


def _sign_up(request: ConsoleRequest, found: Invitation, form: InvitedSignUpForm) -> HttpResponse:
    names = {name: form.cleaned_data[name] for name in ("full_name", "password")}
    now = timezone.now()
    try:
        user = services.sign_up_invited(invitation=found, origin=request.origin, now=now, **names)
    except links.InvitationRefused as error:
        return _over(request, error)
    except TooManyRequests as error:
        form.add_error(None, str(error))
        response = _page(request, "invitation_sign_up", found, form=form, status=_OFTEN)
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    except services.NotYours:
        return redirect("teams:invitation")
    _aim(request, found)
    sign_in = login_steps.begin(request, user)
    login_steps.prove(request, sign_in, "email")
    return login_steps.advance(request, sign_in)


@access(Gate.PUBLIC)
@require_POST
def invitation_switch(request: ConsoleRequest) -> HttpResponse:
    """Sign out who is signed in here, and go on as the invited address."""
    link = _kept(request) or _NOWHERE
    sessions.sign_out(session=session_row(request), origin=request.origin)
    request.session.flush()
    _keep(request, link)
    return redirect("teams:invitation")


@access(Gate.PUBLIC)
@require_POST
def invitation_ask(request: ConsoleRequest) -> HttpResponse:
    """Ask the team for another link: to the invited address, or to the one of who is signed in."""
    link = _kept(request) or _NOWHERE
    found = roster.find_invitation(link.invitation_id)
    if found is None or found.account.state in links.TAKES_NOBODY:
        return _over(request, links.refuse("altered"))
    visitor = request.user if request.user.is_authenticated else None
    wish = visitor.email if visitor and request.POST.get("as") == "me" else found.email
    try:
        services.ask_again(
            invitation=found, wish=wish, visitor=visitor, origin=request.origin, now=timezone.now()
        )
    except TooManyRequests as error:
        response = _over(request, links.refuse("expired"), status=_OFTEN, told=str(error))
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    told = f"The team was asked to invite {wish}. When they do, a mail with a new link comes to that address."
    return _over(request, links.refuse("expired"), status=200, told=told)


@access(Gate.SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_join(request: ConsoleRequest, invitation: UUID) -> HttpResponse:
    """Show the invitation to the signed-in person it is for, and accept it."""
    found = roster.find_invitation(invitation)
    if found is None or found.email_key != request.user.email_key:
        raise Http404
    if queries.is_member(request.user, found.account) and not found.is_open:
        return redirect("overview", account=found.account.auth_id)
    try:
        if request.method != "POST":
            links.check_live(found, now=timezone.now())
            return _page(request, "invitation_join", found)
        joined = services.accept_invitation(
            invitation_id=invitation, user=request.user, origin=request.origin, now=timezone.now()
        )
    except DomainError as error:
        _keep(request, links.Link(found.public_id, found.turn))
        return _over(request, error)
    request.session.pop(_KEY, None)
    messages.success(request, f"You are in the team of {found.account.name}, as {Role(joined.role).label}.")
    if queries.is_member(request.user, found.account):
        return redirect("overview", account=found.account.auth_id)
    # The plan ended between invitation and acceptance: the first page says so.
    return redirect("home")
