"""Ask for a mailed code, or a recovery code, at the sign-in after a lock-down."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts import login_steps
from console.core.access import access
from console.core.errors import DomainError
from console.core.permissions import Gate
from security import compromise_queries as compromise
from security import queries
from security.forms import CodeForm, RecoveryCodeForm
from security.services import reverify as services
from security.views.answers import Way, answer, blame, focused, refused_code

_ROUTE = "security:reverify"


@access(Gate.SIGNING_IN)
@require_http_methods(["GET", "POST"])
def reverify(request: Any) -> HttpResponse:
    """Offer to mail a code, and ask for it."""
    if elsewhere := login_steps.detour(request, _ROUTE):
        return elsewhere
    form = CodeForm(request.POST or None)
    return _try(request, form, services.prove_mailbox, binding=request.sign_in.binding) or _draw(
        request, form
    )


@access(Gate.SIGNING_IN)
@require_POST
def reverify_send(request: Any) -> HttpResponse:
    """Mail a code."""
    if elsewhere := login_steps.detour(request, _ROUTE):
        return elsewhere
    sign_in = request.sign_in
    try:
        services.send_mail_code(
            user=sign_in.user, binding=sign_in.binding, origin=request.origin, now=timezone.now()
        )
    except DomainError as error:
        form, status = refused_code(error)
        return _draw(request, form, status=status)
    return redirect(_ROUTE)


@access(Gate.SIGNING_IN)
@require_http_methods(["GET", "POST"])
def reverify_recovery(request: Any) -> HttpResponse:
    """Ask for a recovery code in the place of a mailed one."""
    if elsewhere := login_steps.detour(request, _ROUTE):
        return elsewhere
    form = RecoveryCodeForm(request.POST or None)
    return _try(request, form, services.prove_recovery) or _draw(request, form, is_recovery=True)


def _try(request: Any, form: forms.Form, prove: Callable[..., None], **facts: Any) -> HttpResponse | None:
    """Check what was typed; None when the page is to be drawn (again)."""
    if not form.is_valid():
        return None
    user, code = request.sign_in.user, form.cleaned_data["code"]
    try:
        prove(user=user, code=code, origin=request.origin, now=timezone.now(), **facts)
    except DomainError as error:
        request.refused_with = blame(form, error)
        return None
    login_steps.prove(request, request.sign_in, "mailbox")
    return login_steps.advance(request, request.sign_in)


def _draw(
    request: Any, form: forms.Form, *, status: int | None = None, is_recovery: bool = False
) -> HttpResponse:
    user, now = request.sign_in.user, timezone.now()
    sent = compromise.mail_code_of(user, binding=request.sign_in.binding, now=now)
    if sent is None and not is_recovery:
        form = _above(form)
    return answer(
        request,
        "security/reverify.html",
        focused(form) if form.fields else form,
        status=status or getattr(request, "refused_with", None),
        sent=sent,
        wait=services.seconds_left(sent, now=now) if sent else 0,
        is_recovery=is_recovery,
        email=user.email,
        person=user.full_name.split()[0] if user.full_name.split() else user.email,
        ways=_ways(user, is_recovery=is_recovery),
    )


def _above(form: forms.Form) -> forms.Form:
    """Return the refusals of a form above one without fields: there is no code to type any more."""
    empty = forms.Form({} if form.is_bound else None)
    for errors in form.errors.values() if form.is_bound else []:
        for error in errors:
            empty.add_error(None, error)
    return empty


def _ways(user: Any, *, is_recovery: bool) -> list[Way]:
    if is_recovery:
        return [Way("Mail me a code", "mail", reverse(_ROUTE))]
    left = queries.factors_of(user).codes_left
    if not left:
        return []
    return [Way("Recovery code", "file", reverse("security:reverify_recovery"), detail=f"{left} left")]
