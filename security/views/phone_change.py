"""Let a person change the phone number of their second factor."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import PhoneCode
from accounts.phone_rules import country_of, mask_phone
from console.core.access import access
from console.core.errors import DomainError
from console.core.permissions import Permission
from security import queries, services
from security.forms import CodeForm, PhoneForm
from security.step_up import proved_with, session_of
from security.views.answers import answer, blame, channel_of, lead_of, refused_code, sending_ways

_SELF = Permission.SELF_MANAGE


def _to(request: Any, name: str) -> HttpResponse:
    return redirect(_address(request, name))


def _address(request: Any, name: str) -> str:
    return reverse(f"security:{name}", kwargs={"account": request.actor.account.auth_id})


def _binding(request: Any) -> str:
    return session_of(request).public_id.hex


@access(_SELF, recent_auth=True, both_factors=True, deed="change your phone number")
@require_http_methods(["GET", "POST"])
def phone_change(request: Any) -> HttpResponse:
    """Ask for the new number, and send a code to it."""
    user, now = request.actor.user, timezone.now()
    if not queries.find_phone(user):
        return _to(request, "factor_list")
    form, status = PhoneForm(request.POST or None, initial={"country": country_of(user.phone)}), None
    if form.is_valid():
        number = form.cleaned_data["e164"]
        try:
            services.ask_phone_change(
                user=user, number=number, binding=_binding(request), origin=request.origin, now=now
            )
        except DomainError as error:
            if _is_on_its_way(request, number):
                return _to(request, "phone_change_code")
            status = blame(form, error, field="number")
        else:
            return _to(request, "phone_change_code")
    number = mask_phone(user.phone)
    return answer(request, "security/phone_change.html", form, status=status, number=number)


@access(_SELF, recent_auth=True, both_factors=True, deed="change your phone number")
@require_http_methods(["GET", "POST"])
def phone_change_code(request: Any) -> HttpResponse:
    """Ask for the code that was sent to the new number, and change the number."""
    user, now = request.actor.user, timezone.now()
    if queries.find_phone_change(user, now=now) is None:
        return _to(request, "phone_change")
    form, status = CodeForm(request.POST or None), None
    if form.is_valid():
        try:
            services.confirm_phone_change(
                user=user,
                code=form.cleaned_data["code"],
                binding=_binding(request),
                keep=session_of(request),
                origin=request.origin,
                now=now,
                proved=proved_with(request),
            )
        except DomainError as error:
            status = blame(form, error)
        else:
            messages.success(request, "Phone number changed. Your other sessions were ended.")
            return _to(request, "factor_list")
    return _draw_code(request, form, status)


@access(_SELF, recent_auth=True, both_factors=True, deed="change your phone number")
@require_POST
def phone_change_send(request: Any) -> HttpResponse:
    """Send another code to the new number, as text or by a call."""
    try:
        services.send_change_code(
            user=request.actor.user,
            channel=channel_of(request),
            binding=_binding(request),
            origin=request.origin,
            now=timezone.now(),
        )
    except services.ChangeOver as error:
        messages.warning(request, str(error))
        return _to(request, "phone_change")
    except DomainError as error:
        return _draw_code(request, *refused_code(error))
    return _to(request, "phone_change_code")


@access(_SELF)
@require_POST
def phone_change_cancel(request: Any) -> HttpResponse:
    """Forget the new number; the old one goes on."""
    if services.cancel_phone_change(user=request.actor.user, origin=request.origin, now=timezone.now()):
        messages.success(request, "Your phone number stays as it is.")
    return _to(request, "factor_list")


def _draw_code(request: Any, form: CodeForm, status: int | None) -> HttpResponse:
    change = queries.find_phone_change(request.actor.user, now=timezone.now())
    if change is None:
        return _to(request, "phone_change")
    sent, number = _sent(request, change.number), mask_phone(change.number)
    return answer(
        request,
        "security/phone_change_code.html",
        form,
        status=status,
        sent=sent,
        number=number,
        old=mask_phone(request.actor.user.phone),
        lead=lead_of(sent, number) if sent else "",
        ways=sending_ways(sent, _address(request, "phone_change_send")),
    )


def _sent(request: Any, number: str) -> queries.CodeSent | None:
    """Return the newest code of this session, if it went to the number that waits."""
    sent = queries.find_code(
        request.actor.user,
        purpose=PhoneCode.Purpose.CHANGE,
        binding=_binding(request),
        now=timezone.now(),
    )
    return sent if sent and sent.number == number else None


def _is_on_its_way(request: Any, number: str) -> bool:
    change = queries.find_phone_change(request.actor.user, now=timezone.now())
    sent = _sent(request, number)
    return change is not None and change.number == number and sent is not None and sent.is_live
