"""Lock an account down from a "this wasn't me" mail: with a second factor, and without signing in."""

import uuid
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts import services as accounts
from accounts.models import EmailLink, PhoneCode
from accounts.services.links import LinkRefused
from accounts.services.not_me import NOT_ME_KEY
from console.core.access import access
from console.core.errors import DomainError
from console.core.permissions import Gate
from security import queries
from security.forms import AppCodeForm, ChoiceOfAccountForm, CodeForm, RecoveryCodeForm
from security.services import lockdown as services
from security.views.answers import Way, answer, blame, channel_of, lead_of, refused_code, sending_ways

_ROUTE = "security:not_me_lock_with"
_PURPOSE = PhoneCode.Purpose.STEP_UP
_FORMS: dict[str, type[forms.Form]] = {
    queries.APP: AppCodeForm,
    queries.PHONE: CodeForm,
    queries.RECOVERY: RecoveryCodeForm,
}
_WAYS = {
    queries.APP: ("Authenticator app", "mobile"),
    queries.PHONE: ("Phone code", "message"),
    queries.RECOVERY: ("Recovery code", "file"),
}
_LEADS = {
    queries.APP: "Enter the six digits that your authenticator app shows.",
    queries.RECOVERY: "Enter one of the codes you kept when you set up your sign-in.",
}


@access(Gate.PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def not_me_lock(request: Any, method: str = "") -> HttpResponse:
    """Ask for a second factor, then lock the account down; opening the page does nothing."""
    try:
        link = services.check_lockdown_link(link_id=_link_id(request), now=timezone.now())
    except LinkRefused as error:
        return _refused(request, error)
    offered = _methods(link)
    choices = _choices(link, request)
    if not choices or not offered:
        return render(request, "security/not_me_lock.html", {"link": link, "is_barred": True})
    if method not in offered:
        return redirect(_ROUTE, method=offered[0])
    bound = request.POST if request.method == "POST" else None
    form, choice = _FORMS[method](bound), ChoiceOfAccountForm(bound, accounts=choices)
    if form.is_valid() and choice.is_valid():
        return _lock(request, link, method, form, choice)
    return _draw(request, link, method, form, choice)


def _link_id(request: Any) -> uuid.UUID:
    return uuid.UUID(request.session.get(NOT_ME_KEY, str(uuid.UUID(int=0))))


def _methods(link: EmailLink) -> list[str]:
    return [method for method in queries.methods_of(link.user) if method in _FORMS]


def _choices(link: EmailLink, request: Any) -> list[tuple[str, str]]:
    actors = services.lockable_by(link.user, origin=request.origin)
    return [(actor.account.auth_id, actor.account.name) for actor in actors]


def _lock(
    request: Any, link: EmailLink, method: str, form: forms.Form, choice: ChoiceOfAccountForm
) -> HttpResponse:
    try:
        locked = services.lock_down_from_mail(
            link_id=link.public_id,
            auth_id=choice.cleaned_data["account"],
            method=method,
            code=form.cleaned_data["code"],
            origin=request.origin,
            now=timezone.now(),
        )
    except LinkRefused as error:
        return _refused(request, error)
    except services.NotTheirs as error:
        choice.add_error("account", str(error))
        return _draw(request, link, method, form, choice)
    except DomainError as error:
        return _draw(request, link, method, form, choice, status=blame(form, error))
    context = {"link": link, "locked": locked, "minutes": settings.CONSOLE_RESET_MINUTES}
    return render(request, "security/not_me_locked.html", context)


@access(Gate.PUBLIC)
@require_POST
def not_me_send(request: Any) -> HttpResponse:
    """Send a code to the phone of the link's person."""
    try:
        link = services.check_lockdown_link(link_id=_link_id(request), now=timezone.now())
    except LinkRefused as error:
        return _refused(request, error)
    if queries.PHONE not in _methods(link) or not _choices(link, request):
        return redirect("security:not_me_lock")
    try:
        accounts.request_phone_code(
            user=link.user,
            purpose=_PURPOSE,
            number=link.user.phone,
            channel=channel_of(request),
            binding=link.public_id.hex,
            origin=request.origin,
            now=timezone.now(),
        )
    except DomainError as error:
        form, status = refused_code(error)
        choice = ChoiceOfAccountForm(accounts=_choices(link, request))
        return _draw(request, link, queries.PHONE, form, choice, status=status)
    return redirect(_ROUTE, method=queries.PHONE)


def _draw(
    request: Any,
    link: EmailLink,
    method: str,
    form: forms.Form,
    choice: ChoiceOfAccountForm,
    *,
    status: int | None = None,
) -> HttpResponse:
    sent = None
    if method == queries.PHONE:
        sent = queries.find_code(link.user, purpose=_PURPOSE, binding=link.public_id.hex, now=timezone.now())
    choices = choice.fields["account"].choices  # type: ignore[attr-defined]
    return answer(
        request,
        "security/not_me_lock.html",
        form,
        status=status or (422 if choice.errors else None),
        choice=choice,
        link=link,
        method=method,
        sent=sent,
        lead=_lead(method, sent, link),
        only=choices[0][1] if len(choices) == 1 else "",
        ways=_ways(link, method, sent),
    )


def _lead(method: str, sent: queries.CodeSent | None, link: EmailLink) -> str:
    number = f"your number ending in {link.user.phone[-2:]}"
    if method != queries.PHONE:
        return _LEADS[method]
    return lead_of(sent, number) if sent else f"We send six digits to {number}."


def _ways(link: EmailLink, method: str, sent: queries.CodeSent | None) -> list[Way]:
    others = [
        Way(*_WAYS[other], reverse(_ROUTE, args=[other])) for other in _methods(link) if other != method
    ]
    return [*sending_ways(sent, reverse("security:not_me_send")), *others]


def _refused(request: Any, error: LinkRefused) -> HttpResponse:
    context = {
        "title": str(error).rstrip("."),
        "lead": "Sign in, and open Security: an owner or admin can lock the account down from there.",
        "reset_url": reverse("accounts:password_reset"),
        "sign_in_url": reverse("accounts:sign_in"),
    }
    return render(request, "accounts/link_refused.html", context, status=410)
