"""Pages of signing up: the form, the advice on passwords, and the wait for the mail."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import login_steps
from accounts.forms.signup import Names, SignUpForm
from accounts.models import User
from accounts.queries import rules
from accounts.services import signup
from accounts.views import pending
from console.core.access import access
from console.core.errors import TooManyRequests
from console.core.permissions import Gate
from console.core.ratelimit import Limit, spend
from console.core.requests import ConsoleRequest

_FORMS = Limit("sign-up-form", 120, 3600)
_ADVICE = Limit("password-advice", 900, 3600)
_REFUSED, _INVALID, _OFTEN = 403, 422, 429


@sensitive_post_parameters("password")
@access(Gate.PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: ConsoleRequest) -> HttpResponse:
    """Open an account."""
    if request.user.is_authenticated:
        return redirect("home")
    now = timezone.now()
    if request.method != "POST":
        return _show(request, SignUpForm(now=now, initial=pending.typed(request)), now=now)
    form = SignUpForm(request.POST, now=now)
    try:
        spend(_FORMS, rules.network_key(request.origin.ip), now=now)
        if not form.is_valid():
            return _show(request, form, now=now, status=_INVALID)
        made = signup.sign_up(**form.cleaned_data, origin=request.origin, now=now)
    except signup.NetworkRefused:
        return _show(request, form, now=now, status=_REFUSED)
    except TooManyRequests as error:
        return _too_often(request, form, error, now)
    pending.remember(request, made, typed=form.cleaned_data, warning=form.warning, now=now)
    return redirect("accounts:activation_sent")


def _show(request: ConsoleRequest, form: SignUpForm, *, now: datetime, status: int = 200) -> HttpResponse:
    page: dict[str, Any] = {"form": form, "network": None, "ip": request.origin.ip}
    try:
        signup.check_network(origin=request.origin, now=now)
    except signup.NetworkRefused as error:
        page["network"] = str(error)
    return render(request, "accounts/sign_up.html", page, status=status)


def _too_often(
    request: ConsoleRequest, form: SignUpForm, error: TooManyRequests, now: datetime
) -> HttpResponse:
    form.is_valid()
    form.add_error(None, str(error))
    response = _show(request, form, now=now, status=_OFTEN)
    response.headers["Retry-After"] = str(error.retry_after)
    return response


@sensitive_post_parameters("password", "new_password")
@access(Gate.PUBLIC)
@require_POST
def password_advice(request: ConsoleRequest) -> HttpResponse:
    """Say what the password in the form still needs, while it is typed."""
    spend(_ADVICE, rules.network_key(request.origin.ip), now=timezone.now())
    password = request.POST.get("password") or request.POST.get("new_password") or ""
    advice = Names.typed(request.POST).advise(password)
    return render(request, "components/strength.html", {"advice": advice})


@access(Gate.PUBLIC)
@require_safe
def activation_sent(request: ConsoleRequest) -> HttpResponse:
    """Wait for the mail, and go on when the address was confirmed in another browser."""
    sign_in = login_steps.current(request)
    if sign_in and sign_in.user.email_verified_at:
        return login_steps.advance(request, sign_in)
    if sign_in is None and pending.is_confirmed(request):
        messages.success(request, "Address confirmed. Sign in to go on.")
        return redirect("accounts:sign_in")
    waiting = pending.read(request)
    email = sign_in.user.email if sign_in else waiting.email
    if not email:
        return redirect("accounts:sign_up")
    return _show_wait(request, email, seconds=waiting.seconds_left(timezone.now()))


@access(Gate.PUBLIC)
@require_POST
def activation_resend(request: ConsoleRequest) -> HttpResponse:
    """Send another mail to the address of this browser's sign-up or sign-in."""
    now = timezone.now()
    sign_in = login_steps.current(request)
    email = sign_in.user.email if sign_in else pending.read(request).email
    if not email:
        return redirect("accounts:sign_up")
    try:
        signup.resend_activation(email=email, origin=request.origin, now=now)
    except TooManyRequests as error:
        return _show_wait(request, email, seconds=error.retry_after, error=str(error))
    pending.note_sent(request, email, now=now)
    return redirect("accounts:activation_sent")


def _show_wait(request: ConsoleRequest, email: str, *, seconds: int, error: str = "") -> HttpResponse:
    page = {
        "email": email,
        "seconds": seconds,
        "error": error,
        "warning": pending.read(request).warning,
        "hours": settings.CONSOLE_ACTIVATION_HOURS,
    }
    response = render(request, "accounts/activation_sent.html", page, status=_OFTEN if error else 200)
    if error:
        response.headers["Retry-After"] = str(seconds)
    return response


def continue_sign_in(request: ConsoleRequest, user: User) -> HttpResponse | None:
    """Go on with the sign-in or sign-up that this browser began for the user, if it did."""
    sign_in = login_steps.current(request)
    if sign_in is None and pending.is_of(request, user, now=timezone.now()):
        login_steps.begin(request, user)
        sign_in = login_steps.current(request)
    if sign_in is None or sign_in.user.pk != user.pk:
        return None
    login_steps.prove(request, sign_in, "email")
    return login_steps.advance(request, sign_in)
