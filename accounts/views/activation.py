"""Pages behind the activation mail: opening the link changes nothing, its button does."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.signup import ActivationRequestForm
from accounts.models import EmailLink
from accounts.services import activation, signup
from accounts.services.links import LinkRefused, read_token
from accounts.views import pending
from accounts.views.signup import continue_sign_in
from console.core.access import access
from console.core.errors import TooManyRequests
from console.core.headers import keep_address_secret
from console.core.permissions import Gate
from console.core.requests import ConsoleRequest

_KEY = "activation_link"
_NO_LINK = uuid.UUID(int=0)
_GONE, _INVALID, _OFTEN = 410, 422, 429


@access(Gate.PUBLIC)
@require_safe
def activate_link(request: ConsoleRequest, token: str) -> HttpResponse:
    """Take the token out of the address, and lead to the page with the button."""
    if request.method == "GET":
        request.session[_KEY] = str(_row_of(token))
    return keep_address_secret(redirect("accounts:activate"))


def _row_of(token: str) -> uuid.UUID:
    """Return what the session keeps: the name of the row, which opens nothing, and not the token."""
    try:
        return read_token(token, purpose=EmailLink.Purpose.ACTIVATE)
    except LinkRefused:
        return _NO_LINK


@access(Gate.PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def activate(request: ConsoleRequest) -> HttpResponse:
    """Show the button that confirms the address; pressing it uses the link up."""
    kept, now = request.session.get(_KEY, ""), timezone.now()
    link_id = uuid.UUID(kept) if kept else _NO_LINK
    try:
        if request.method != "POST":
            link = activation.check_activation(link_id=link_id, now=now)
            # The address is clean by now, and "no-referrer" would make the browser's POST come from nowhere.
            return render(request, "accounts/activate.html", {"email": link.email})
        user = activation.verify_email(link_id=link_id, origin=request.origin, now=now)
    except LinkRefused as error:
        return _refuse(request, error, had_link=bool(kept))
    request.session.pop(_KEY, None)
    if answer := continue_sign_in(request, user):
        return answer
    messages.success(request, "Address confirmed. Sign in to go on.")
    return redirect("accounts:sign_in")


def _refuse(request: ConsoleRequest, error: LinkRefused, *, had_link: bool) -> HttpResponse:
    page = {"reason": error.code if had_link else "missing"}
    return render(request, "accounts/activation_refused.html", page, status=_GONE)


@access(Gate.PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def activation_request(request: ConsoleRequest) -> HttpResponse:
    """Ask for another link by address; the answer is the same for every address."""
    form = ActivationRequestForm(request.POST or None, initial={"email": pending.read(request).email})
    if not form.is_valid():
        status = _INVALID if form.is_bound else 200
        return render(request, "accounts/activation_request.html", {"form": form}, status=status)
    email, now = form.cleaned_data["email"], timezone.now()
    try:
        signup.resend_activation(email=email, origin=request.origin, now=now)
    except TooManyRequests as error:
        form.add_error(None, str(error))
        response = render(request, "accounts/activation_request.html", {"form": form}, status=_OFTEN)
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    pending.note_sent(request, email, now=now)
    return redirect("accounts:activation_sent")
