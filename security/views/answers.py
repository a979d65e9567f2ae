"""Share between the pages: refusals beside the form, other ways, and what a page shows about a sent code."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.services.phone_codes import Channel
from console.core.errors import DomainError, TooManyRequests
from security.forms import CodeForm
from security.queries import CodeSent

REFUSED, TOO_MANY = 422, 429


@dataclass(frozen=True, slots=True)
class Way:
    """Another way to go on: a link, or with a channel a button that sends a code after ``wait`` seconds."""

    label: str
    icon: str
    url: str
    channel: str = ""
    wait: int = 0
    detail: str = ""


def blame(form: forms.Form, error: DomainError, *, field: str | None = None) -> int:
    """Put the refusal beside its field or above the form, and return the status of the answer."""
    blamed = field or error.field
    form.add_error(blamed if blamed in form.fields else None, str(error))
    return TOO_MANY if isinstance(error, TooManyRequests) else REFUSED


def refused_code(error: DomainError) -> tuple[CodeForm, int]:
    """Return an empty form for a code under the reason why none was sent, and the status of the answer."""
    form = CodeForm({})
    form.errors.clear()
    return form, blame(form, error)


def answer(request: HttpRequest, template: str, form: forms.Form | None, **context: Any) -> HttpResponse:
    """Render a page with its form, typed values kept; refused forms answer 422 unless ``status`` says else."""
    status = context.pop("status", None) or (REFUSED if form is not None and form.errors else 200)
    return render(request, template, {"form": form, **context}, status=status)


def focused(form: forms.Form) -> forms.Form:
    """Put the cursor into the one field of a page that asks for nothing else."""
    if not form.is_bound and not form.fields["code"].widget.is_hidden:
        form.fields["code"].widget.attrs["autofocus"] = True
    return form


def device_key(request: HttpRequest) -> str:
    """Return the cookie by which the browser is known."""
    return request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")


def sending_ways(sent: CodeSent | None, url: str) -> list[Way]:
    """Offer another text, and a call once a text was sent."""
    if sent is None:
        return []
    text = Way("Send a new code", "message", url, channel="sms", wait=sent.wait)
    call = Way("Call me with the code", "voice", url, channel="voice", wait=sent.wait)
    return [text, call]


def lead_of(sent: CodeSent, number: str) -> str:
    """Say where the code went."""
    minutes = settings.CONSOLE_CODE_MINUTES
    if sent.channel == "voice":
        return f"We are calling {number} and read six digits out. The code works for {minutes} minutes."
    return f"We sent six digits by SMS to {number}. The code works for {minutes} minutes."


def channel_of(request: HttpRequest) -> Channel:
    """Return the asked channel; anything unknown is a text."""
    return "voice" if request.POST.get("channel") == "voice" else "sms"
