"""Lead a newcomer through the authenticator app and the recovery codes, before the first session."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
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
from security.forms import AppCodeForm, CodeForm, KeptForm
from security.sign_in_rules import enforced_rule
from security.views import app, shelf
from security.views.answers import answer, blame, channel_of, lead_of, refused_code, sending_ways

_CHOICE, _CODES = "security:choose_factor", "security:recovery_codes_first"
_ENROL = PhoneCode.Purpose.ENROL


@access(Gate.SIGNING_IN)
@require_http_methods(["GET", "POST"])
def choose_factor(request: Any) -> HttpResponse:
    """Recommend an authenticator app, and let the person go on with phone codes."""
    if elsewhere := login_steps.detour(request, _CHOICE):
        return elsewhere
    sign_in, now = request.sign_in, timezone.now()
    if request.method == "POST" and request.POST.get("factor") == queries.PHONE:
        try:
            services.choose_phone(user=sign_in.user, now=now)
        except DomainError as error:
            return _draw_choice(request, str(error))
        login_steps.prove(request, sign_in, "factor-chosen")
        return login_steps.advance(request, sign_in)
    if request.method == "POST":
        return _start_app(request, now)
    return _draw_choice(request)


def _draw_choice(request: Any, refusal: str = "") -> HttpResponse:
    rule = enforced_rule(request.sign_in.user, now=timezone.now())
    return answer(
        request,
        "security/choose_factor.html",
        None,
        phone_offered=not request.sign_in.user.is_staff and rule is None,
        rule=rule,
        refusal=refusal,
        status=422 if refusal else 200,
    )


def _start_app(request: Any, now: datetime) -> HttpResponse:
    sign_in = request.sign_in
    proved_at = sign_in.facts.get("phone_at")
    try:
        device = services.start_authenticator(
            user=sign_in.user,
            phone_proved_at=datetime.fromisoformat(proved_at) if proved_at else None,
            now=now,
        )
    except services.PhoneCodeFirst:
        return redirect("security:enrol_phone")
    app.remember(request, device)
    return redirect("security:enrol_app")


@access(Gate.SIGNING_IN)
@require_http_methods(["GET", "POST"])
def enrol_phone(request: Any) -> HttpResponse:
    """Ask for a fresh phone code before the seed is shown."""
    if elsewhere := login_steps.detour(request, _CHOICE):
        return elsewhere
    form, status, now = CodeForm(request.POST or None), None, timezone.now()
    sign_in = request.sign_in
    if form.is_valid():
        try:
            device = services.start_with_phone_code(
                user=sign_in.user, code=form.cleaned_data["code"], binding=sign_in.binding, now=now
            )
        except DomainError as error:
            status = blame(form, error)
        else:
            app.remember(request, device)
            return redirect("security:enrol_app")
    return _draw_phone(request, form, status)


@access(Gate.SIGNING_IN)
@require_POST
def enrol_phone_send(request: Any) -> HttpResponse:
    """Send the code that comes before the seed."""
    if elsewhere := login_steps.detour(request, _CHOICE):
        return elsewhere
    sign_in = request.sign_in
    try:
        accounts.request_phone_code(
            user=sign_in.user,
            purpose=_ENROL,
            number=sign_in.user.phone,
            channel=channel_of(request),
            binding=sign_in.binding,
            origin=request.origin,
            now=timezone.now(),
        )
    except DomainError as error:
        return _draw_phone(request, *refused_code(error))
    return redirect("security:enrol_phone")


def _draw_phone(request: Any, form: CodeForm, status: int | None) -> HttpResponse:
    user = request.sign_in.user
    sent = queries.find_code(user, purpose=_ENROL, binding=request.sign_in.binding, now=timezone.now())
    number = f"your number ending in {user.phone[-2:]}"
    return answer(
        request,
        "security/enrol_phone.html",
        form,
        status=status,
        sent=sent,
        ending=user.phone[-2:],
        lead=lead_of(sent, number) if sent else f"We send six digits to {number}.",
        ways=sending_ways(sent, reverse("security:enrol_phone_send")),
    )


@access(Gate.SIGNING_IN)
@require_http_methods(["GET", "POST"])
def enrol_app(request: Any) -> HttpResponse:
    """Show the seed as picture, key and link, and ask for a code from the app."""
    if elsewhere := login_steps.detour(request, _CHOICE):
        return elsewhere
    sign_in, now = request.sign_in, timezone.now()
    pending = app.pending(request, sign_in.user, now=now)
    if pending is None:
        return redirect(_CHOICE)
    form, status = AppCodeForm(request.POST or None), None
    if form.is_valid():
        try:
            services.confirm_authenticator(
                user=sign_in.user,
                public_id=str(pending.public_id),
                code=form.cleaned_data["code"],
                keep=None,
                origin=request.origin,
                now=now,
                proved=sign_in.methods,
            )
        except DomainError as error:
            status = blame(form, error)
        else:
            login_steps.prove(request, sign_in, "totp")
            return login_steps.advance(request, sign_in)
    return answer(request, "security/enrol_app.html", form, status=status, **app.shown(pending, sign_in.user))


@access(Gate.SIGNING_IN)
@require_http_methods(["GET", "POST"])
def recovery_codes_first(request: Any) -> HttpResponse:
    """Make the first recovery codes, show them, and wait until they are kept."""
    if elsewhere := login_steps.detour(request, _CODES):
        return elsewhere
    sign_in, now = request.sign_in, timezone.now()
    codes = shelf.look(request, sign_in.user, now=now)
    if request.method == "POST" and not codes:
        made = services.make_recovery_codes(
            user=sign_in.user, origin=request.origin, now=now, is_kept=False, proved=sign_in.methods
        )
        shelf.put(request, sign_in.user, made, now=now)
        return redirect(_CODES)
    form = KeptForm(request.POST if request.method == "POST" else None)
    if codes and form.is_valid():
        services.keep_recovery_codes(user=sign_in.user, now=now)
        shelf.clear(request)
        login_steps.prove(request, sign_in, "codes-seen")
        return login_steps.advance(request, sign_in)
    return answer(request, "security/recovery_codes_first.html", form, codes=codes)


@access(Gate.SIGNING_IN)
@require_safe
def recovery_codes_first_file(request: Any) -> HttpResponse:
    """Hand out the codes that are being shown as a file."""
    user = request.sign_in.user
    codes = shelf.look(request, user, now=timezone.now())
    if not codes:
        raise Http404
    return shelf.as_file(codes, site=settings.SITE_NAME, email=user.email)
