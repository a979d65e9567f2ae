"""Let a person add, rename and remove passkeys, and put the questions that passkeys answer."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from accounts import login_steps
from accounts.models import User
from accounts.queries.devices import device_name
from console.core.access import access
from console.core.errors import DomainError, TooManyRequests
from console.core.permissions import Gate, Permission
from security import queries, services, step_up
from security.forms import NewPasskeyForm, PasskeyForm, PasskeyNameForm
from security.models import PasskeyChallenge, PasskeyDevice
from security.views.answers import REFUSED, TOO_MANY, answer, blame

_SELF = Permission.SELF_MANAGE
_PLAN = "new_passkey"
Purpose = PasskeyChallenge.Purpose


def _to(request: Any, name: str) -> HttpResponse:
    return redirect(_address(request, name))


def _address(request: Any, name: str) -> str:
    return reverse(f"security:{name}", kwargs={"account": request.actor.account.auth_id})


def _binding(request: Any) -> str:
    return step_up.session_of(request).public_id.hex


# --- The person's own passkeys -----------------------------------------------------------------


@access(_SELF, both_factors=True, deed="add a passkey")
@require_http_methods(["GET", "POST"])
def passkey_add(request: Any) -> HttpResponse:
    """Ask for the name of a new passkey."""
    return _ask_name(request)


@access(_SELF, both_factors=True, deed="replace a passkey")
@require_http_methods(["GET", "POST"])
def passkey_replace(request: Any, public_id: uuid.UUID) -> HttpResponse:
    """Ask for the name of a passkey that takes the place of another."""
    return _ask_name(request, _find(request, public_id))


def _ask_name(request: Any, old: PasskeyDevice | None = None) -> HttpResponse:
    initial = {"name": device_name(request.origin.user_agent)}
    form = PasskeyNameForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        replaces = str(old.public_id) if old else None
        request.session[_PLAN] = {"name": form.cleaned_data["name"], "replaces": replaces}
        return _to(request, "passkey_create")
    return answer(request, "security/passkey_add.html", form, old=old)


@access(_SELF, both_factors=True, deed="add the passkey")
@require_http_methods(["GET", "POST"])
def passkey_create(request: Any) -> HttpResponse:
    """Let the browser make the passkey, and add it."""
    plan, status = request.session.get(_PLAN), None
    if request.method != "POST" and not plan:
        return _to(request, "passkey_add")
    # The form carries name and place itself, so that two tabs do not mix up theirs.
    form = NewPasskeyForm(request.POST if request.method == "POST" else None, initial=plan)
    if form.is_valid():
        try:
            _add(request, form)
        except DomainError as error:
            status = blame(form, error)
        else:
            request.session.pop(_PLAN, None)
            messages.success(request, "Passkey added. Your other sessions were ended.")
            return _to(request, "factor_list")
    form.options_url = _address(request, "passkey_create_options")
    return answer(request, "security/passkey_create.html", form, status=status, name=form["name"].value())


def _add(request: Any, form: NewPasskeyForm) -> None:
    values = form.cleaned_data
    services.add_passkey(
        user=request.actor.user,
        new=services.NewPasskey(values["name"], values["replaces"]),
        answer=values["code"],
        binding=_binding(request),
        keep=step_up.session_of(request),
        origin=request.origin,
        now=timezone.now(),
        proved=step_up.proved_with(request),
    )


@access(_SELF)
@require_POST
def passkey_create_options(request: Any) -> HttpResponse:
    """Put the question that makes a new passkey; the answer needs a confirmation of its own."""
    return _question(request.actor.user, Purpose.REGISTER, _binding(request))


@access(_SELF)
@require_http_methods(["GET", "POST"])
def passkey_rename(request: Any, public_id: uuid.UUID) -> HttpResponse:
    """Give a passkey another name."""
    device = _find(request, public_id)
    form = PasskeyNameForm(request.POST if request.method == "POST" else None, initial={"name": device.name})
    if form.is_valid():
        services.rename_passkey(
            user=request.actor.user,
            public_id=public_id,
            name=form.cleaned_data["name"],
            origin=request.origin,
        )
        messages.success(request, "Passkey renamed.")
        return _to(request, "factor_list")
    return answer(request, "security/passkey_rename.html", form, passkey=device)


@access(_SELF, both_factors=True, deed="remove a passkey")
@require_http_methods(["GET", "POST"])
def passkey_remove(request: Any, public_id: uuid.UUID) -> HttpResponse:
    """Ask, and remove a passkey."""
    device, refusal = _find(request, public_id), ""
    if request.method == "POST":
        try:
            services.remove_passkey(
                user=request.actor.user,
                public_id=public_id,
                keep=step_up.session_of(request),
                origin=request.origin,
                now=timezone.now(),
            )
        except DomainError as error:
            refusal = str(error)
        else:
            messages.success(request, "Passkey removed. Your other sessions were ended.")
            return _to(request, "factor_list")
    status = REFUSED if refusal else 200
    return answer(
        request, "security/passkey_remove.html", None, passkey=device, refusal=refusal, status=status
    )


def _find(request: Any, public_id: uuid.UUID) -> PasskeyDevice:
    device = queries.find_passkey(request.actor.user, public_id)
    if device is None:
        raise Http404
    return device


# --- Questions to passkeys that exist ----------------------------------------------------------


@access(Gate.SIGNING_IN)
@require_POST
def second_factor_passkey_options(request: Any) -> HttpResponse:
    """Put the question that finishes a sign-in."""
    if elsewhere := login_steps.detour(request, "security:second_factor"):
        return elsewhere
    return _question(request.sign_in.user, Purpose.SIGN_IN, request.sign_in.binding)


@access(Gate.SIGNED_IN)
@csrf_exempt  # the form carries a token of its own, which outlives a confirmation in another tab
@require_POST
def confirm_passkey_options(request: Any, act: uuid.UUID) -> HttpResponse:
    """Put the question that confirms a held act."""
    session = step_up.session_of(request)
    held = queries.find_held(act, user=request.user, session_id=session.public_id)
    if held is None:
        raise Http404
    if not step_up.is_from_our_page(request, held):
        raise PermissionDenied
    return _question(request.user, Purpose.STEP_UP, session.public_id.hex)


def _question(user: User, purpose: str, binding: str) -> HttpResponse:
    try:
        options = services.ask_passkey(user=user, purpose=purpose, binding=binding, now=timezone.now())
    except DomainError as error:
        status = TOO_MANY if isinstance(error, TooManyRequests) else REFUSED
        return JsonResponse({"message": str(error)}, status=status)
    return JsonResponse(options)


def with_question(form: forms.Form, url: str) -> forms.Form:
    """Tell a form for a passkey where its question is; leave other forms alone."""
    if isinstance(form, PasskeyForm):
        form.options_url = url
    return form
