"""Reset a forgotten password, change a known one, and answer "this wasn't me"."""

import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.sign_in import PasswordChangeForm, PasswordResetForm, PasswordResetNewForm
from accounts.models import EmailLink
from accounts.services import not_me as not_me_service
from accounts.services import password as services
from accounts.services.links import LinkRefused, check_link, read_token
from accounts.sessions import own_session
from console.core.access import access
from console.core.errors import DomainError, TooManyRequests
from console.core.headers import keep_address_secret
from console.core.permissions import Gate, Permission
from console.core.requests import ConsoleRequest, origin_of

_KEY = "reset_link"
_NOT_ME = not_me_service.NOT_ME_KEY
_REFUSED_LEAD = {
    "used": "It was used before, or the password was changed since.",
    "replaced": "A newer link was sent after it. Use the one in the newest mail.",
    "expired": "Links like this work for a limited time only.",
    "altered": "A part of its address is missing. Copy the whole address from the mail.",
}


@access(Gate.PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def password_reset(request: ConsoleRequest) -> HttpResponse:
    """Ask for a reset link; the answer is the same for every address."""
    initial = {"email": request.session.get("sign_in_email", "")}
    form = PasswordResetForm(request.POST if request.method == "POST" else None, initial=initial)
    wait = 0
    if form.is_valid():
        wait = _attempt(form, lambda: _ask(request, form.cleaned_data["email"]))
    if form.is_bound and not form.errors:
        request.session["sign_in_email"] = form.cleaned_data["email"]
        return redirect("accounts:password_reset_sent")
    return _page(request, "accounts/password_reset.html", form, wait=wait)


def _ask(request: ConsoleRequest, email: str) -> None:
    services.request_reset(email=email, origin=origin_of(request), now=timezone.now())


@access(Gate.PUBLIC)
@require_safe
def password_reset_sent(request: ConsoleRequest) -> HttpResponse:
    """Say where to look for the link."""
    context = {"email": request.session.get("sign_in_email", ""), "minutes": settings.CONSOLE_RESET_MINUTES}
    return render(request, "accounts/password_reset_sent.html", context)


@access(Gate.PUBLIC)
@require_safe
def password_reset_open(request: ConsoleRequest, token: str) -> HttpResponse:
    """Take the token out of the address; opening the link uses nothing up."""
    try:
        request.session[_KEY] = str(read_token(token, purpose=EmailLink.Purpose.RESET))
    except LinkRefused as error:
        return _link_refused(request, error)
    return keep_address_secret(redirect("accounts:password_reset_new"))


@access(Gate.PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def password_reset_new(request: ConsoleRequest) -> HttpResponse:
    """Set the new password; it signs nobody in."""
    form = PasswordResetNewForm(request.POST if request.method == "POST" else None)
    wait = 0
    try:
        link_id = uuid.UUID(request.session.get(_KEY, str(uuid.UUID(int=0))))
        email = services.check_reset_link(link_id=link_id, now=timezone.now()).email
        if form.is_valid():
            password = form.cleaned_data["password"]
            wait = _attempt(form, lambda: _reset(request, link_id, password))
    except LinkRefused as error:
        return _link_refused(request, error)
    if form.is_bound and not form.errors:
        request.session.flush()
        request.session["sign_in_email"] = email
        messages.success(request, "Your password is changed. Sign in with the new one.")
        return redirect("accounts:sign_in_password")
    return _page(request, "accounts/password_reset_new.html", form, wait=wait, email=email)


def _reset(request: ConsoleRequest, link_id: uuid.UUID, password: str) -> None:
    now = timezone.now()
    services.reset_password(link_id=link_id, password=password, origin=origin_of(request), now=now)


@access(Permission.SELF_MANAGE, both_factors=True, deed="change your password")
@require_http_methods(["GET", "HEAD", "POST"])
def password_change(request: ConsoleRequest) -> HttpResponse:
    """Change the password of the signed-in person."""
    form = PasswordChangeForm(request.POST if request.method == "POST" else None)
    wait = 0
    if form.is_valid():
        facts = {
            "actor": request.actor,
            "session": own_session(request),
            "device_key": request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""),
            "now": timezone.now(),
        }
        wait = _attempt(form, lambda: services.change_password(**facts, **form.cleaned_data))
    if form.is_bound and not form.errors:
        request.session.cycle_key()
        messages.success(request, "Your password is changed. Every other session has ended.")
        return redirect("accounts:profile", account=request.actor.account.auth_id)
    return _page(request, "accounts/password_change.html", form, wait=wait)


@access(Gate.PUBLIC)
@require_safe
def not_me_open(request: ConsoleRequest, token: str) -> HttpResponse:
    """Take the token out of the address; opening the link ends nothing."""
    try:
        request.session[_NOT_ME] = str(read_token(token, purpose=EmailLink.Purpose.NOT_ME))
    except LinkRefused as error:
        return _link_refused(request, error)
    return keep_address_secret(redirect("accounts:not_me"))


@access(Gate.PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def not_me(request: ConsoleRequest) -> HttpResponse:
    """Lead on from a mail about a sign-in; only the button ends something."""
    now = timezone.now()
    try:
        link_id = uuid.UUID(request.session.get(_NOT_ME, str(uuid.UUID(int=0))))
        link = check_link(public_id=link_id, purpose=EmailLink.Purpose.NOT_ME, now=now)
        if request.method == "POST":
            not_me_service.disown_sign_in(link_id=link_id, origin=origin_of(request), now=now)
    except LinkRefused as error:
        return _link_refused(request, error)
    context = {"link": link, "is_done": request.method == "POST", "minutes": settings.CONSOLE_RESET_MINUTES}
    return render(request, "accounts/not_me.html", context)


def _attempt(form: Any, deed: Callable[[], object]) -> int:
    """Do the deed; what it refuses goes into the form. Return the seconds to wait, 0 unless it was too much."""
    try:
        deed()
    except LinkRefused:
        raise
    except services.PasswordRefused as error:
        form.advice = error.advice
        form.add_error(error.field, error.reasons)
    except TooManyRequests as error:
        form.add_error(None, str(error))
        return error.retry_after
    except DomainError as error:
        form.add_error(error.field, str(error))
    return 0


def _page(
    request: ConsoleRequest, template: str, form: Form, *, wait: int = 0, **context: Any
) -> HttpResponse:
    status = 429 if wait else 422 if form.errors else 200
    response = render(request, template, {"form": form, **context}, status=status)
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


def _link_refused(request: ConsoleRequest, error: LinkRefused) -> HttpResponse:
    context = {
        "title": str(error).rstrip("."),
        "lead": _REFUSED_LEAD[error.code],
        "reset_url": reverse("accounts:password_reset"),
        "sign_in_url": reverse("accounts:sign_in"),
    }
    return render(request, "accounts/link_refused.html", context, status=410)
