"""Let a person see and change their second factors: Account > Settings > Security."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import services as accounts
from accounts.models import PhoneCode
from accounts.phone_rules import mask_phone
from accounts.services.phone_codes import Channel
from console.core.access import access
from console.core.errors import DomainError
from console.core.permissions import Permission
from security import queries, services
from security.forms import AppCodeForm, CodeForm
from security.sign_in_rules import rules_for
from security.step_up import proved_with, session_of
from security.views import app, shelf
from security.views.answers import answer, blame, channel_of, lead_of, refused_code, sending_ways

_ENROL = PhoneCode.Purpose.ENROL
_SELF = Permission.SELF_MANAGE
_FEW_CODES = 3


def _to(request: Any, name: str) -> HttpResponse:
    return redirect(_address(request, name))


def _address(request: Any, name: str) -> str:
    return reverse(f"security:{name}", kwargs={"account": request.actor.account.auth_id})


@access(_SELF)
@require_safe
def factor_list(request: Any) -> HttpResponse:
    """Show the person's second factors."""
    user = request.actor.user
    now = timezone.now()
    codes, devices = queries.codes_of(user), queries.code_devices_of(user, now=now)
    context = {
        "now": now,
        "rule": rules_for(user).first(),
        "passkeys": queries.passkeys_of(user),
        "authenticator": devices.authenticator,
        "phone": devices.phone,
        "number": mask_phone(user.phone) if user.phone else "",
        "new_number": mask_phone(devices.change.number) if devices.change else "",
        "codes": codes,
        "few_codes": codes.left <= _FEW_CODES,
    }
    return render(request, "security/factor_list.html", context)


@access(_SELF, both_factors=True, deed="add an authenticator app")
@require_http_methods(["GET", "POST"])
def authenticator_add(request: Any) -> HttpResponse:
    """Say what comes, and begin: with a code to the phone where there is one."""
    user, now = request.actor.user, timezone.now()
    if request.method == "POST":
        try:
            device = services.start_authenticator(user=user, phone_proved_at=None, now=now)
        except services.PhoneCodeFirst:
            return _send(request, "sms")
        app.remember(request, device)
        return _to(request, "authenticator_confirm")
    context = {"has_phone": queries.find_phone(user), "replaces": queries.find_authenticator(user)}
    return answer(request, "security/authenticator_add.html", None, **context)


@access(_SELF)
@require_http_methods(["GET", "POST"])
def authenticator_phone(request: Any) -> HttpResponse:
    """Ask for the code that was sent to the phone."""
    form, status, now = CodeForm(request.POST or None), None, timezone.now()
    if form.is_valid():
        try:
            device = services.start_with_phone_code(
                user=request.actor.user,
                code=form.cleaned_data["code"],
                binding=session_of(request).public_id.hex,
                now=now,
            )
        except DomainError as error:
            status = blame(form, error)
        else:
            app.remember(request, device)
            return _to(request, "authenticator_confirm")
    return _draw_phone(request, form, status)


@access(_SELF, both_factors=True, deed="add an authenticator app")
@require_POST
def authenticator_phone_send(request: Any) -> HttpResponse:
    """Send another code to the phone."""
    return _send(request, channel_of(request))


def _send(request: Any, channel: Channel) -> HttpResponse:
    user = request.actor.user
    try:
        accounts.request_phone_code(
            user=user,
            purpose=_ENROL,
            number=user.phone,
            channel=channel,
            binding=session_of(request).public_id.hex,
            origin=request.origin,
            now=timezone.now(),
        )
    except DomainError as error:
        return _draw_phone(request, *refused_code(error))
    return _to(request, "authenticator_phone")


def _draw_phone(request: Any, form: CodeForm, status: int | None) -> HttpResponse:
    user = request.actor.user
    binding = session_of(request).public_id.hex
    sent = queries.find_code(user, purpose=_ENROL, binding=binding, now=timezone.now())
    if sent is None and status is None:
        return _to(request, "authenticator_add")
    return answer(
        request,
        "security/authenticator_phone.html",
        form,
        status=status,
        sent=sent,
        lead=lead_of(sent, mask_phone(user.phone)) if sent else "",
        ways=sending_ways(sent, _address(request, "authenticator_phone_send")),
    )


@access(_SELF, both_factors=True, deed="add the authenticator app")
@require_http_methods(["GET", "POST"])
def authenticator_confirm(request: Any) -> HttpResponse:
    """Show the seed, and add the app once it shows the right code."""
    user, now = request.actor.user, timezone.now()
    pending = app.pending(request, user, now=now)
    if pending is None:
        return _to(request, "authenticator_add")
    form, status = AppCodeForm(request.POST or None), None
    if form.is_valid():
        try:
            services.confirm_authenticator(
                user=user,
                public_id=str(pending.public_id),
                code=form.cleaned_data["code"],
                keep=session_of(request),
                origin=request.origin,
                now=now,
                proved=proved_with(request),
            )
        except DomainError as error:
            status = blame(form, error)
        else:
            messages.success(request, "Authenticator app added. Your other sessions were ended.")
            return _to(request, "factor_list")
    return answer(
        request, "security/authenticator_confirm.html", form, status=status, **app.shown(pending, user)
    )


@access(_SELF, both_factors=True, deed="remove your authenticator app")
@require_http_methods(["GET", "POST"])
def authenticator_remove(request: Any) -> HttpResponse:
    """Ask, and remove the authenticator app."""
    user, refusal = request.actor.user, ""
    if request.method == "POST":
        try:
            services.remove_authenticator(
                user=user, keep=session_of(request), origin=request.origin, now=timezone.now()
            )
        except DomainError as error:
            refusal = str(error)
        else:
            messages.success(request, "Authenticator app removed. Your other sessions were ended.")
            return _to(request, "factor_list")
    status = 422 if refusal else 200
    return answer(request, "security/authenticator_remove.html", None, refusal=refusal, status=status)


@access(_SELF, both_factors=True, deed="make new recovery codes")
@require_http_methods(["GET", "POST"])
def recovery_codes_make(request: Any) -> HttpResponse:
    """Ask, and make new recovery codes; the old ones stop working."""
    user, now = request.actor.user, timezone.now()
    if request.method == "POST":
        session = session_of(request)
        made = services.make_recovery_codes(
            user=user, origin=request.origin, now=now, keep=session, proved=proved_with(request)
        )
        shelf.put(request, user, made, now=now)
        return _to(request, "recovery_codes")
    return answer(request, "security/recovery_codes_make.html", None, codes=queries.codes_of(user))


@access(_SELF)
@require_http_methods(["GET", "POST"])
def recovery_codes(request: Any) -> HttpResponse:
    """Show the new recovery codes until the person puts them away."""
    codes = shelf.look(request, request.actor.user, now=timezone.now())
    if request.method == "POST" or not codes:
        shelf.clear(request)
        return _to(request, "factor_list")
    return answer(request, "security/recovery_codes.html", None, codes=codes)


@access(_SELF)
@require_safe
def recovery_codes_file(request: Any) -> HttpResponse:
    """Hand out the codes that are being shown as a file."""
    user = request.actor.user
    codes = shelf.look(request, user, now=timezone.now())
    if not codes:
        raise Http404
    return shelf.as_file(codes, site=settings.SITE_NAME, email=user.email)
