"""Get back in after every factor is lost: ask, confirm, cancel, and begin anew by a mailed link."""

import uuid
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts import login_steps
from accounts import services as accounts
from console.core.access import access
from console.core.errors import DomainError
from console.core.headers import keep_address_secret
from console.core.permissions import Gate
from console.core.requests import ConsoleRequest
from security.forms import RecoveryFinishForm, RecoveryForm
from security.models import RecoveryRequest
from security.services import recovery_finish as finishing
from security.services import recovery_request as services
from security.services.recovery_links import CANCEL, CONFIRM, FINISH, Named, RecoveryRefused, read_token
from security.views.answers import answer, blame, device_key

_GONE = 410
_LEADS = {
    "altered": "A part of its address is missing. Copy the whole address from the mail.",
    "used": "Each link works once. Use the one in the newest mail.",
    "expired": "Links like this work for a limited time only. You can ask again at sign-in.",
    "over": "It was cancelled, rejected or finished, or you signed in with a second factor since.",
}


@access(Gate.SIGNING_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def recovery_ask(request: ConsoleRequest) -> HttpResponse:
    """Ask what happened, and mail the link that confirms the request."""
    if elsewhere := login_steps.detour(request, "security:second_factor"):
        return elsewhere
    form, status = RecoveryForm(request.POST if request.method == "POST" else None), None
    if form.is_valid():
        try:
            services.ask_recovery(
                user=request.sign_in.user,
                story=form.cleaned_data["story"],
                origin=request.origin,
                now=timezone.now(),
            )
        except DomainError as error:
            status = blame(form, error)
        else:
            return redirect("security:recovery_asked")
    return answer(request, "security/recovery_ask.html", form, status=status, **_numbers())


def _numbers() -> dict[str, Any]:
    return {
        "hours": settings.CONSOLE_RECOVERY_HOURS,
        "confirm_hours": settings.CONSOLE_RECOVERY_CONFIRM_HOURS,
        "link_hours": settings.CONSOLE_RECOVERY_LINK_HOURS,
        "weak_hours": settings.CONSOLE_FACTOR_WEAK_HOURS,
    }


@access(Gate.PUBLIC)
@require_safe
def recovery_asked(request: ConsoleRequest) -> HttpResponse:
    """Say where to look for the link."""
    return render(request, "security/recovery_asked.html", _numbers())


# --- Links: opening one puts its name into the session and does nothing else ----------------------


@access(Gate.PUBLIC)
@require_safe
def recovery_confirm_open(request: ConsoleRequest, token: str) -> HttpResponse:
    """Take the token out of the address; opening the link confirms nothing."""
    return _open(request, token, CONFIRM)


@access(Gate.PUBLIC)
@require_safe
def recovery_cancel_open(request: ConsoleRequest, token: str) -> HttpResponse:
    """Take the token out of the address; opening the link cancels nothing."""
    return _open(request, token, CANCEL)


@access(Gate.PUBLIC)
@require_safe
def recovery_finish_open(request: ConsoleRequest, token: str) -> HttpResponse:
    """Take the token out of the address; opening the link removes nothing."""
    return _open(request, token, FINISH)


def _open(request: ConsoleRequest, token: str, deed: str) -> HttpResponse:
    try:
        named = read_token(token, deed=deed)
    except RecoveryRefused as error:
        return _refused(request, error)
    request.session[f"recovery_{deed}"] = [str(named.public_id), named.detail]
    return keep_address_secret(redirect(f"security:recovery_{deed}"))


def _named(request: ConsoleRequest, deed: str) -> Named:
    public_id, detail = request.session.get(f"recovery_{deed}", [str(uuid.UUID(int=0)), ""])
    return Named(uuid.UUID(public_id), detail)


@access(Gate.PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def recovery_confirm(request: ConsoleRequest) -> HttpResponse:
    """Confirm by a button that the request is the person's own."""
    named, now = _named(request, CONFIRM), timezone.now()
    try:
        row = services.find_request(named.public_id, now=now)
        if request.method == "POST":
            services.confirm_recovery(public_id=named.public_id, origin=request.origin, now=now)
    except RecoveryRefused as error:
        return _refused(request, error)
    is_done = request.method == "POST" or row.state != RecoveryRequest.State.ASKED
    return render(request, "security/recovery_confirm.html", {"row": row, "is_done": is_done, **_numbers()})


@access(Gate.PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def recovery_cancel(request: ConsoleRequest) -> HttpResponse:
    """Cancel the request by a button."""
    named, now = _named(request, CANCEL), timezone.now()
    try:
        row = services.find_request(named.public_id, now=now)
        if request.method == "POST":
            services.cancel_recovery(
                public_id=named.public_id, channel=named.detail, origin=request.origin, now=now
            )
    except RecoveryRefused as error:
        return _refused(request, error)
    context = {"row": row, "is_done": request.method == "POST"}
    return render(request, "security/recovery_cancel.html", context)


@access(Gate.PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def recovery_finish(request: ConsoleRequest) -> HttpResponse:
    """Ask for the password, remove the lost factors, and go on to the first steps of a sign-in."""
    named, now = _named(request, FINISH), timezone.now()
    form, status = RecoveryFinishForm(request.POST if request.method == "POST" else None), None
    try:
        link: dict[str, Any] = {"public_id": named.public_id, "number": _number(named.detail)}
        row = finishing.check_finish_link(**link, now=now)
        if form.is_valid():
            user = accounts.check_password(
                email=row.user.email,
                password=form.cleaned_data["password"],
                device_key=device_key(request),
                origin=request.origin,
                now=now,
            )
            finishing.finish_recovery(**link, user=user, origin=request.origin, now=now)
            return _go_on(request, user)
    except RecoveryRefused as error:
        return _refused(request, error)
    except DomainError as error:
        status = blame(form, error, field="password")
    return answer(request, "security/recovery_finish.html", form, status=status, row=row, **_numbers())


def _number(detail: str) -> int:
    return int(detail) if detail.isascii() and detail.isdigit() else 0


def _go_on(request: ConsoleRequest, user: Any) -> HttpResponse:
    user.refresh_from_db()
    sign_in = login_steps.begin(request, user)
    login_steps.prove(request, sign_in, "recovery")
    return login_steps.advance(request, sign_in)


@access(Gate.SIGNING_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def recovery_resume(request: ConsoleRequest) -> HttpResponse:
    """Send a person without factors back to the link in their mail, or mail another one."""
    if elsewhere := login_steps.detour(request, "security:recovery_resume"):
        return elsewhere
    context: dict[str, Any] = {"is_sent": False, "refusal": ""}
    if request.method == "POST":
        try:
            finishing.send_another_link(user=request.sign_in.user, now=timezone.now())
        except DomainError as error:
            context["refusal"] = str(error)
        else:
            context["is_sent"] = True
    status = 429 if context["refusal"] else 200
    return render(request, "security/recovery_resume.html", {**context, **_numbers()}, status=status)


def _refused(request: ConsoleRequest, error: RecoveryRefused) -> HttpResponse:
    context = {"title": str(error).rstrip("."), "lead": _LEADS[error.code]}
    return render(request, "security/recovery_refused.html", context, status=_GONE)
