"""Ask "confirm it's you" for a held act, and carry it out."""

import uuid
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, QueryDict
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from accounts import services as accounts
from accounts.models import PhoneCode
from console.core.access import access
from console.core.errors import DomainError
from console.core.permissions import Gate
from security import queries, replaying, services, step_up
from security.forms import AppCodeForm, CodeForm, PasskeyForm, PasswordForm, RecoveryCodeForm
from security.models import HeldAct
from security.views.answers import blame, channel_of, focused, lead_of, refused_code
from security.views.passkeys import with_question
from teams.queries import resolve_actor

_GONE, _CONFLICT, _REFUSED = 410, 409, 403
_TOO_LATE = "This waited too long, so nothing was changed. Look at what you typed, then send it again."
_TOO_LATE_FILES = f"{_TOO_LATE} Choose the files once more."
_FORMS: dict[str, type[forms.Form]] = {
    queries.PASSKEY: PasskeyForm,
    queries.APP: AppCodeForm,
    queries.PHONE: CodeForm,
    queries.PASSWORD: PasswordForm,
    queries.RECOVERY: RecoveryCodeForm,
}
_LABELS = {
    queries.PASSKEY: "Use your passkey",
    queries.APP: "Use your authenticator app",
    queries.PHONE: "Use a phone code",
    queries.PASSWORD: "Use your password",
    queries.RECOVERY: "Use a recovery code",
    queries.PROVIDER: "Use single sign-on",
}


@access(Gate.SIGNED_IN)
@csrf_exempt  # the form carries a token of its own, which outlives a confirmation in another tab
@require_http_methods(["GET", "POST"])
def confirm(request: Any, act: uuid.UUID, method: str = "") -> HttpResponse:
    """Ask for a fresh proof, then carry the held act out, once."""
    held = _find(request, act)
    is_over = held.replayed_at or held.expires_at <= timezone.now()
    if request.method == "POST" and is_over and "token" not in request.POST:
        return replaying.forward(request, services.open_act(held))
    if is_over:
        return _draw_over(request, held)
    if request.method == "POST" and not step_up.is_from_our_page(request, held):
        raise PermissionDenied
    missing = _missing(request, held)
    if not missing:
        return _carry_out(request, held) if request.method == "POST" else _draw_ready(request, held)
    offered = step_up.offered_methods(request, missing)
    if not offered:
        return _draw_too_new(request, held)
    if method not in offered:
        return redirect("security:confirm_with", act=act, method=offered[0])
    return _ask(request, held, method)


@access(Gate.SIGNED_IN)
@csrf_exempt  # see above
@require_POST
def confirm_send(request: Any, act: uuid.UUID) -> HttpResponse:
    """Send a code to the phone for the question."""
    held = _find(request, act)
    if not step_up.is_from_our_page(request, held):
        raise PermissionDenied
    if queries.PHONE not in queries.methods_of(request.user):
        return redirect("security:confirm", act=act)
    try:
        accounts.request_phone_code(
            user=request.user,
            purpose=PhoneCode.Purpose.STEP_UP,
            number=request.user.phone,
            channel=channel_of(request),
            binding=step_up.session_of(request).public_id.hex,
            origin=request.origin,
            now=timezone.now(),
        )
    except DomainError as error:
        return _draw(request, held, queries.PHONE, *refused_code(error))
    return redirect("security:confirm_with", act=act, method=queries.PHONE)


def _find(request: Any, public_id: uuid.UUID) -> HeldAct:
    session = step_up.session_of(request)
    held = queries.find_held(public_id, user=request.user, session_id=session.public_id)
    if held is None:
        raise Http404
    return held


def _missing(request: Any, held: HeldAct) -> list[str]:
    _, declared = step_up.access_of(held.path)
    return step_up.missing_proofs(request, declared, now=timezone.now())


def _ask(request: Any, held: HeldAct, method: str) -> HttpResponse:
    if method == queries.PROVIDER:
        return _lead_to_provider(request, held)
    form, status = _FORMS[method](request.POST if request.method == "POST" else None), None
    if form.is_valid():
        now = timezone.now()
        try:
            services.confirm_person(
                user=request.user,
                session=step_up.session_of(request),
                method=method,
                secret=form.cleaned_data["code"],
                origin=request.origin,
                now=now,
            )
        except DomainError as error:
            status = blame(form, error)
        else:
            step_up.note_proof(request, method, now=now)
            if _missing(request, held):
                return redirect("security:confirm", act=held.public_id)
            return _carry_out(request, held)
    return _draw(request, held, method, form, status)


def _lead_to_provider(request: Any, held: HeldAct) -> HttpResponse:
    """Offer the way to the company's provider; a link, since forms may not lead to other sites."""
    act = services.open_act(held)
    others = [
        method
        for method in step_up.offered_methods(request, _missing(request, held))
        if method != queries.PROVIDER
    ]
    context = {
        "held": held,
        "deed": step_up.deed_of(act.path),
        "others": step_up.links_of(held, others, _LABELS),
        "cancel_url": act.back or reverse("home"),
    }
    return render(request, "security/confirm_provider.html", context)


def _carry_out(request: Any, held: HeldAct) -> HttpResponse:
    try:
        act = services.take_act(held=held, now=timezone.now())
    except services.ActOver:
        held.refresh_from_db()
        return _draw_over(request, held)
    return replaying.replay(request, act)


def _draw(request: Any, held: HeldAct, method: str, form: forms.Form, status: int | None) -> HttpResponse:
    sent, again = None, ""
    if method == queries.PHONE:
        binding = step_up.session_of(request).public_id.hex
        sent = queries.find_code(
            request.user, purpose=PhoneCode.Purpose.STEP_UP, binding=binding, now=timezone.now()
        )
        again = request.GET.get("again", "") if request.method == "GET" else ""
    is_sending = method == queries.PHONE and (sent is None or not sent.is_live or bool(again))
    question = reverse("security:confirm_passkey_options", args=[held.public_id])
    context = {
        "form": _sending_form(form) if is_sending else with_question(focused(form), question),
        "detail": _detail(method, sent, is_sending, request.user.phone[-2:]),
        "action": reverse(
            "security:confirm_send" if is_sending else "security:confirm_with",
            args=[held.public_id] if is_sending else [held.public_id, method],
        ),
        "confirm_label": _button(method, is_sending, again),
        "hidden": [("token", step_up.act_token(held))] + ([("channel", "voice")] if again == "call" else []),
        "others": _others(request, held, method, is_sending),
    }
    return _draw_dialog(request, held, context, status)


def _sending_form(form: forms.Form) -> forms.Form:
    """Return a form without fields that keeps the refusal, if any."""
    empty = forms.Form({} if form.is_bound else None)
    for error in form.non_field_errors() if form.is_bound else []:
        empty.add_error(None, error)
    return empty


def _button(method: str, is_sending: bool, again: str) -> str:  # noqa: FBT001 - they say what the page is
    if method == queries.PASSKEY:
        return "Use your passkey"
    if not is_sending:
        return "Confirm"
    return "Call me with a code" if again == "call" else "Text me a code"


def _detail(method: str, sent: queries.CodeSent | None, is_sending: bool, ending: str) -> str:  # noqa: FBT001
    if method != queries.PHONE:
        return ""
    number = f"your number ending in {ending}"
    return f"We send six digits to {number}." if is_sending or sent is None else lead_of(sent, number)


def _others(request: Any, held: HeldAct, method: str, is_sending: bool) -> list[tuple[str, str]]:  # noqa: FBT001
    offered = step_up.offered_methods(request, _missing(request, held) or [step_up.ANY])
    links = step_up.links_of(held, [other for other in offered if other != method], _LABELS)
    if method == queries.PHONE and not is_sending:
        here = reverse("security:confirm_with", args=[held.public_id, method])
        links = [("Text me again", f"{here}?again=text"), ("Call me instead", f"{here}?again=call"), *links]
    return links


def _draw_ready(request: Any, held: HeldAct) -> HttpResponse:
    """Offer to go on: another tab has confirmed already."""
    context = {
        "detail": "You confirmed it's you a moment ago.",
        "action": reverse("security:confirm", args=[held.public_id]),
        "confirm_label": "Continue",
        "hidden": [("token", step_up.act_token(held))],
    }
    return _draw_dialog(request, held, context, None)


def _draw_too_new(request: Any, held: HeldAct) -> HttpResponse:
    """Say why nothing that the person has confirms the act yet, and from when on it does."""
    act = services.open_act(held)
    context = {
        "deed": step_up.deed_of(act.path),
        "factors": step_up.new_factors(request),
        "back": act.back or reverse("home"),
    }
    return render(request, "security/confirm_too_new.html", context, status=_REFUSED)


def _draw_dialog(request: Any, held: HeldAct, context: dict[str, Any], status: int | None) -> HttpResponse:
    act = services.open_act(held)
    template = "security/confirm.html" if _frame(request, act.path) else "security/confirm_plain.html"
    form = context.get("form")
    context |= {
        "deed": step_up.deed_of(act.path),
        "too_new": step_up.new_factors(request) if step_up.access_of(act.path)[1].is_guarded else [],
        "cancel_url": act.back or reverse("home"),
        "minutes": settings.CONSOLE_STEP_UP_MINUTES,
    }
    return render(
        request, template, context, status=status or (422 if form is not None and form.errors else 200)
    )


def _draw_over(request: Any, held: HeldAct) -> HttpResponse:
    act = services.open_act(held)
    if not held.replayed_at and (form := _typed_again(request, act)):
        return form
    _frame(request, act.path)
    status = _CONFLICT if held.replayed_at else _GONE
    context = {"is_done": bool(held.replayed_at), "back": act.back or reverse("home")}
    return render(request, "security/confirm_over.html", context, status=status)


def _typed_again(request: Any, act: services.Act) -> HttpResponse | None:
    """Draw the form of an act that waited too long, with what was typed."""
    if not QueryDict(act.body).keys() - {"csrfmiddlewaretoken"}:
        return None
    get_token(request)
    messages.warning(request, _TOO_LATE_FILES if act.has_files else _TOO_LATE)
    form = replaying.draw_again(request, act)
    if form is not None:
        form.status_code = _GONE
    return form


def _frame(request: Any, path: str) -> bool:
    """Put the account of the act around the page; False when it is in none of the person's accounts."""
    match, _ = step_up.access_of(path)
    actor = resolve_actor(request.user, auth_id=match.kwargs.get("account"), origin=request.origin)
    if actor is not None:
        request.actor = actor
    return actor is not None
