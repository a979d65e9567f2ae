"""Ask for the second factor at sign-in: an address for each way, nothing is sent before a button is pressed."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import login_steps
from accounts import services as accounts
from accounts.models import PhoneCode
from console.core.access import access
from console.core.errors import DomainError
from console.core.permissions import Gate
from security import queries, services
from security.forms import AppCodeForm, CodeForm, PasskeyForm, RecoveryCodeForm
from security.views.answers import (
    Way,
    answer,
    blame,
    channel_of,
    device_key,
    focused,
    lead_of,
    refused_code,
    sending_ways,
)
from security.views.passkeys import with_question

_ROUTE = "security:second_factor"
_TEMPLATE = "security/second_factor.html"
_SIGN_IN = PhoneCode.Purpose.SIGN_IN
_FORMS: dict[str, type[forms.Form]] = {
    queries.PASSKEY: PasskeyForm,
    queries.APP: AppCodeForm,
    queries.PHONE: CodeForm,
    queries.RECOVERY: RecoveryCodeForm,
}
_WAYS = {
    queries.PASSKEY: ("Passkey", "passkey"),
    queries.APP: ("Authenticator app", "mobile"),
    queries.PHONE: ("Phone code", "message"),
    queries.RECOVERY: ("Recovery code", "file"),
}


@access(Gate.SIGNING_IN)
@require_safe
def second_factor(request: Any) -> HttpResponse:
    """Lead to the person's strongest second factor."""
    if elsewhere := login_steps.detour(request, _ROUTE):
        return elsewhere
    return redirect(f"security:second_factor_{queries.methods_of(request.sign_in.user)[0]}")


@access(Gate.SIGNING_IN)
@require_http_methods(["GET", "POST"])
def second_factor_passkey(request: Any) -> HttpResponse:
    """Ask for a passkey."""
    return _ask(request, queries.PASSKEY)


@access(Gate.SIGNING_IN)
@require_http_methods(["GET", "POST"])
def second_factor_app(request: Any) -> HttpResponse:
    """Ask for the code of the authenticator app."""
    return _ask(request, queries.APP)


@access(Gate.SIGNING_IN)
@require_http_methods(["GET", "POST"])
def second_factor_phone(request: Any) -> HttpResponse:
    """Offer to send a code to the phone, and ask for it."""
    return _ask(request, queries.PHONE)


@access(Gate.SIGNING_IN)
@require_http_methods(["GET", "POST"])
def second_factor_recovery(request: Any) -> HttpResponse:
    """Ask for a recovery code."""
    return _ask(request, queries.RECOVERY)


@access(Gate.SIGNING_IN)
@require_POST
def second_factor_send(request: Any) -> HttpResponse:
    """Send a code to the phone, as text or by a call."""
    if elsewhere := login_steps.detour(request, _ROUTE):
        return elsewhere
    sign_in = request.sign_in
    if queries.PHONE not in queries.methods_of(sign_in.user):
        return redirect(_ROUTE)
    try:
        accounts.request_phone_code(
            user=sign_in.user,
            purpose=_SIGN_IN,
            number=sign_in.user.phone,
            channel=channel_of(request),
            binding=sign_in.binding,
            origin=request.origin,
            now=timezone.now(),
        )
    except DomainError as error:
        return _draw(request, queries.PHONE, *refused_code(error))
    return redirect("security:second_factor_phone")


def _ask(request: Any, method: str) -> HttpResponse:
    if elsewhere := login_steps.detour(request, _ROUTE):
        return elsewhere
    sign_in = request.sign_in
    if method not in queries.methods_of(sign_in.user):
        return redirect(_ROUTE)
    form, status, now = _FORMS[method](request.POST or None), None, timezone.now()
    if form.is_valid():
        try:
            proved = services.check_second_factor(
                user=sign_in.user,
                method=method,
                code=form.cleaned_data["code"],
                binding=sign_in.binding,
                device_key=device_key(request),
                origin=request.origin,
                now=now,
            )
        except DomainError as error:
            status = blame(form, error)
        else:
            facts = {"phone_at": now.isoformat()} if method == queries.PHONE else {}
            login_steps.prove(request, sign_in, proved, **facts)
            return login_steps.advance(request, sign_in)
    return _draw(request, method, form, status)


def _draw(request: Any, method: str, form: forms.Form, status: int | None) -> HttpResponse:
    user = request.sign_in.user
    sent = (
        queries.find_code(user, purpose=_SIGN_IN, binding=request.sign_in.binding, now=timezone.now())
        if method == queries.PHONE
        else None
    )
    return answer(
        request,
        _TEMPLATE,
        with_question(focused(form), reverse("security:second_factor_passkey_options")),
        status=status,
        method=method,
        sent=sent,
        lead=_lead(method, sent, user.phone),
        ending=user.phone[-2:],
        person=user.full_name.split()[0] if user.full_name.split() else user.email,
        ways=_ways(user, method, sent),
    )


def _lead(method: str, sent: queries.CodeSent | None, number: str) -> str:
    if method == queries.PASSKEY:
        return "Use your fingerprint, face, PIN or security key, as your browser asks for it."
    if method == queries.APP:
        return "Open your authenticator app and enter the six digits it shows."
    if method == queries.RECOVERY:
        return "Enter one of the codes you kept when you set up your sign-in."
    if sent is None:
        return f"We send six digits to your number ending in {number[-2:]}."
    return lead_of(sent, f"your number ending in {number[-2:]}")


def _ways(user: Any, method: str, sent: queries.CodeSent | None) -> list[Way]:
    """Return the other ways, those of the phone first when its page is open."""
    left = queries.factors_of(user).codes_left
    others = [
        Way(
            *_WAYS[other],
            reverse(f"security:second_factor_{other}"),
            detail=f"{left} left" if other == queries.RECOVERY else "",
        )
        for other in queries.methods_of(user)
        if other != method
    ]
    return [*sending_ways(sent, reverse("security:second_factor_send")), *others]
