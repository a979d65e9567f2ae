"""Sign in with address and password, and sign out."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.module_loading import import_string
from django.views.decorators.http import require_http_methods, require_POST

from accounts import login_steps
from accounts.forms.sign_in import SignInForm, SignInPasswordForm
from accounts.queries.sign_in import route_for
from accounts.services import sessions
from accounts.services.sign_in import SignInRefused, check_password
from accounts.sessions import session_row
from console.core.access import access
from console.core.errors import DomainError, TooManyRequests
from console.core.permissions import Gate
from console.core.requests import ConsoleRequest, origin_of
from console.core.templatetags.ui import duration

_ROUTES = {
    "password": "accounts:sign_in_password",
    "sso": "security:sso_begin",
    "sso-only": "security:sso_begin",
}
_ENDED = {
    "idle": "You were away for more than {}, so you were signed out. Sign in to go on where you were.",
    "absolute": "A sign-in lasts for {} at most, and yours is over. Sign in to go on where you were.",
    "disabled": "This session has ended.",
    "gone": "This session has ended: it was ended on another device, or the password or a second factor changed.",
}


@access(Gate.PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: ConsoleRequest) -> HttpResponse:
    """Ask for the address; what follows is decided by its domain, never by whether it is known."""
    following = login_steps.own_path(request.GET.get("next", ""))
    if request.user.is_authenticated:
        return redirect(following or "home")
    initial = {"email": request.session.get("sign_in_email", "")}
    form = SignInForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        request.session["sign_in_email"] = form.cleaned_data["email"]
        if following:
            request.session["next"] = following
        return redirect(_ROUTES[route_for(form.cleaned_data["email"])])
    context = {"form": form, "ended": _reason(request)}
    return render(request, "accounts/sign_in.html", context, status=422 if form.errors else 200)


def _reason(request: ConsoleRequest) -> str:
    """Say why the session of this browser is over, if it had one."""
    ended = request.session.get("ended") or getattr(request, "session_ended", None) or {}
    return _ENDED.get(ended.get("why", ""), "").format(duration(ended.get("after", 0)))


@access(Gate.PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_password(request: ConsoleRequest) -> HttpResponse:
    """Ask for the password, and begin the sign-in when it is right."""
    email = request.session.get("sign_in_email", "")
    if request.user.is_authenticated:
        return redirect("home")
    if not email:
        return redirect("accounts:sign_in")
    is_sent = request.method == "POST"
    form = SignInPasswordForm(request.POST if is_sent else None, initial={"username": email})
    if not form.is_valid():
        return _password_page(request, form, email, status=422 if is_sent else 200)
    email = form.cleaned_data["username"]
    try:
        user = check_password(
            email=email,
            password=form.cleaned_data["password"],
            device_key=request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""),
            origin=origin_of(request),
            now=timezone.now(),
        )
    except (SignInRefused, TooManyRequests) as error:
        return _refused(request, form, email, error)
    return login_steps.advance(request, login_steps.begin(request, user))


def _refused(
    request: ConsoleRequest, form: SignInPasswordForm, email: str, error: DomainError
) -> HttpResponse:
    form.add_error("password" if isinstance(error, SignInRefused) else None, str(error))
    if not isinstance(error, TooManyRequests):
        return _password_page(request, form, email, status=422)
    response = _password_page(request, form, email, status=429)
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def _password_page(
    request: ConsoleRequest, form: SignInPasswordForm, email: str, *, status: int
) -> HttpResponse:
    context = {"form": form, "email": email}
    return render(request, "accounts/sign_in_password.html", context, status=status)


@access(Gate.PUBLIC)
@require_POST
def sign_out(request: ConsoleRequest) -> HttpResponse:
    """End the session, finished or not, and have the browser forget what it kept."""
    farewell = import_string(settings.AFTER_SIGN_OUT)(request)
    sessions.sign_out(session=session_row(request), origin=origin_of(request))
    request.session.flush()
    messages.info(request, "You are signed out.")
    if farewell:
        request.session["farewell"] = farewell
    response = redirect("security:sso_signed_out" if farewell else "accounts:sign_in")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response
