"""Verify the phone number of a newcomer."""

import re
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts import login_steps
from accounts import services as accounts
from accounts.models import PhoneCode
from accounts.phone_rules import country_choices
from accounts.services.phone_codes import Channel
from console.core.access import access
from console.core.errors import DomainError
from console.core.permissions import Gate
from security import queries, services
from security.forms import CodeForm, PhoneForm
from security.views.answers import answer, blame, channel_of, lead_of, refused_code, sending_ways

_ROUTE = "security:phone"
_VERIFY = PhoneCode.Purpose.VERIFY


@access(Gate.SIGNING_IN)
@require_http_methods(["GET", "POST"])
def phone(request: Any) -> HttpResponse:
    """Ask for the phone number and send the first code."""
    if elsewhere := login_steps.detour(request, _ROUTE):
        return elsewhere
    form, status = PhoneForm(request.POST or None, initial=_initial(request)), None
    if form.is_valid():
        try:
            accounts.check_network(origin=request.origin, now=timezone.now())
            _request_code(request, form.cleaned_data["e164"], "sms")
        except DomainError as error:
            if _is_on_its_way(request, form.cleaned_data["e164"]):
                return redirect("security:phone_code")
            status = blame(form, error, field="number")
        else:
            return redirect("security:phone_code")
    return answer(request, "security/phone.html", form, status=status)


@access(Gate.SIGNING_IN)
@require_http_methods(["GET", "POST"])
def phone_code(request: Any) -> HttpResponse:
    """Ask for the code that was sent to the new number."""
    if elsewhere := login_steps.detour(request, _ROUTE):
        return elsewhere
    sent = _sent(request)
    if sent is None:
        return redirect(_ROUTE)
    form, status = CodeForm(request.POST or None), None
    if form.is_valid():
        sign_in, now = request.sign_in, timezone.now()
        try:
            services.verify_phone(
                user=sign_in.user,
                code=form.cleaned_data["code"],
                binding=sign_in.binding,
                origin=request.origin,
                now=now,
                proved=sign_in.methods,
            )
        except DomainError as error:
            status = blame(form, error)
        else:
            login_steps.prove(request, sign_in, "phone", phone_at=now.isoformat())
            return login_steps.advance(request, sign_in)
    return _draw_code(request, form, status)


@access(Gate.SIGNING_IN)
@require_POST
def phone_code_send(request: Any) -> HttpResponse:
    """Send another code to the number, as text or by a call."""
    if elsewhere := login_steps.detour(request, _ROUTE):
        return elsewhere
    sent = _sent(request)
    if sent is None:
        return redirect(_ROUTE)
    try:
        _request_code(request, sent.number, channel_of(request))
    except DomainError as error:
        return _draw_code(request, *refused_code(error))
    return redirect("security:phone_code")


def _draw_code(request: Any, form: CodeForm, status: int | None) -> HttpResponse:
    sent = _sent(request)
    number = sent.number if sent else ""
    return answer(
        request,
        "security/phone_code.html",
        form,
        status=status,
        sent=sent,
        lead=lead_of(sent, number) if sent else "",
        ways=sending_ways(sent, reverse("security:phone_code_send")),
    )


def _sent(request: Any) -> queries.CodeSent | None:
    sign_in = request.sign_in
    return queries.find_code(sign_in.user, purpose=_VERIFY, binding=sign_in.binding, now=timezone.now())


def _is_on_its_way(request: Any, number: str) -> bool:
    sent = _sent(request)
    return sent is not None and sent.is_live and sent.number == number


def _request_code(request: Any, number: str, channel: Channel) -> None:
    accounts.request_phone_code(
        user=request.sign_in.user,
        purpose=_VERIFY,
        number=number,
        channel=channel,
        binding=request.sign_in.binding,
        origin=request.origin,
        now=timezone.now(),
    )


def _initial(request: Any) -> dict[str, str]:
    """Guess the country from the browser's language; the person picks another one if it is wrong."""
    found = re.match(r"[A-Za-z]{2,3}-([A-Z]{2})\b", request.headers.get("Accept-Language", ""))
    country = found.group(1) if found else "US"
    return {"country": country if country in dict(country_choices()) else "US"}
