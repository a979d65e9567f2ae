"""Show webhooks, add and change them, and what became of each delivery."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.core.access import access
from console.core.errors import DomainError, TooManyRequests
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest
from security import webhook_queries as queries
from security.forms.webhooks import (
    WebhookAddForm,
    WebhookForm,
    WebhookHistoryForm,
    WebhookReplayForm,
    WebhookSecretForm,
)
from security.models import WebhookEndpoint
from security.services import webhook_queue
from security.services import webhooks as services

_VIEW, _MANAGE = Permission.AUDIT_VIEW, Permission.SECURITY_MANAGE
_REFUSED, _LIMITED = 422, 429


@access(_VIEW)
@require_safe
def webhook_list(request: ConsoleRequest) -> HttpResponse:
    """Show the account's endpoints with their health."""
    rows = queries.endpoint_rows(request.actor.account)
    return render(request, "security/webhook_list.html", {"rows": rows, "most": settings.CONSOLE_WEBHOOKS})


@access(_VIEW)
@require_safe
def webhook_verify(request: ConsoleRequest) -> HttpResponse:
    """Say how a server knows that a delivery is ours."""
    return render(request, "security/webhook_verify.html", {"days": settings.CONSOLE_WEBHOOK_DAYS})


@access(_MANAGE, recent_auth=True, deed="add a webhook")
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_add(request: ConsoleRequest) -> HttpResponse:
    """Ask for an address, then show its secret once."""
    form = WebhookAddForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _ask(request, "webhook_add", form)
    try:
        made = services.add_webhook(actor=request.actor, now=timezone.now(), **form.cleaned_data)
    except DomainError as error:
        return _ask_again(request, "webhook_add", form, error)
    return render(request, "security/webhook_secret.html", {"made": made, "is_new": True})


def _ask(request: ConsoleRequest, page: str, form: Any, status: int = 0, **context: Any) -> HttpResponse:
    status = status or (_REFUSED if form.is_bound else 200)
    return render(request, f"security/{page}.html", {"form": form, **context}, status=status)


def _ask_again(
    request: ConsoleRequest, page: str, form: Any, error: DomainError, **context: Any
) -> HttpResponse:
    form.add_error(error.field if error.field in form.fields else None, str(error))
    status = _LIMITED if isinstance(error, TooManyRequests) else _REFUSED
    return _ask(request, page, form, status, **context)


def _endpoint(request: ConsoleRequest, public_id: UUID) -> WebhookEndpoint:
    endpoint = queries.find_endpoint(request.actor.account, public_id)
    if endpoint is None:
        raise Http404
    return endpoint


def _to(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    return redirect("security:webhook", account=request.actor.account.auth_id, public_id=public_id)


@access(_VIEW)
@require_safe
def webhook(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Show one endpoint with its deliveries, newest first."""
    endpoint = _endpoint(request, public_id)
    form, page = WebhookHistoryForm(request.GET), queries.Page([])
    if form.is_valid():
        page = queries.page_of(endpoint, **form.cleaned_data)
    now = timezone.now()
    context = {
        "row": queries.row_of(endpoint),
        "endpoint": endpoint,
        "overlap_ends_at": endpoint.previous_ends_at if endpoint.has_overlap(now) else None,
        "form": form,
        "is_filtered": bool(form.words),
        "page": page,
        "replay_form": WebhookReplayForm(initial={"since": "24h"}),
        "earlier_url": _page_url(form, before=page.earlier),
        "later_url": _page_url(form, after=page.later),
        "days": settings.CONSOLE_WEBHOOK_DAYS,
    }
    return render(request, "security/webhook.html", context, status=_REFUSED if form.errors else 200)


def _page_url(form: WebhookHistoryForm, **cursor: int | None) -> str:
    place = {name: str(key) for name, key in cursor.items() if key is not None}
    return f"?{urlencode(form.words | place)}" if place else ""


@access(_MANAGE, recent_auth=True, deed="change a webhook")
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_change(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Change the address, the description and the events of an endpoint."""
    endpoint = _endpoint(request, public_id)
    known = {"url": endpoint.url, "description": endpoint.description, "areas": endpoint.areas}
    form = WebhookForm(request.POST if request.method == "POST" else None, initial=known)
    if not form.is_valid():
        return _ask(request, "webhook_change", form, endpoint=endpoint)
    try:
        services.change_webhook(actor=request.actor, public_id=public_id, **form.cleaned_data)
    except DomainError as error:
        return _ask_again(request, "webhook_change", form, error, endpoint=endpoint)
    messages.success(request, "The webhook is changed. The next delivery goes by it.")
    return _to(request, public_id)


@access(_MANAGE, recent_auth=True, deed="make a new secret for a webhook")
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_secret(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Ask what becomes of the old secret, then show the new one once."""
    endpoint = _endpoint(request, public_id)
    form = WebhookSecretForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _ask(request, "webhook_rotate", form, endpoint=endpoint)
    try:
        made = services.rotate_secret(
            actor=request.actor,
            public_id=public_id,
            keeps_old=form.cleaned_data["overlap"] == "keep",
            form_id=form.cleaned_data["form_id"],
            now=timezone.now(),
        )
    except DomainError as error:
        return _ask_again(request, "webhook_rotate", form, error, endpoint=endpoint)
    return render(request, "security/webhook_secret.html", {"made": made, "is_new": False})


@access(_MANAGE, recent_auth=True, deed="pause a webhook")
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_pause(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Ask once more, then send nothing until somebody turns the endpoint on again."""
    endpoint = _endpoint(request, public_id)
    if request.method != "POST":
        return render(request, "security/webhook_pause.html", {"endpoint": endpoint})
    services.pause_webhook(actor=request.actor, public_id=public_id)
    messages.success(request, "The webhook is paused. Events wait for 3 days.")
    return _to(request, public_id)


@access(_MANAGE, recent_auth=True, deed="turn a webhook on")
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_resume(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Send again, what waited included."""
    _endpoint(request, public_id)
    if request.method == "POST":
        services.resume_webhook(actor=request.actor, public_id=public_id)
        messages.success(request, "The webhook is on. What waited is sent now.")
    return _to(request, public_id)


@access(_MANAGE, recent_auth=True, deed="remove a webhook")
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_remove(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Ask once more, then forget the endpoint with its history."""
    endpoint = _endpoint(request, public_id)
    if request.method != "POST":
        return render(request, "security/webhook_remove.html", {"endpoint": endpoint})
    services.remove_webhook(actor=request.actor, public_id=public_id)
    messages.success(request, f"Events no longer go to {endpoint}.")
    return redirect("security:webhook_list", account=request.actor.account.auth_id)


@access(_MANAGE)
@require_POST
def webhook_test(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Send a test event, and lead to what becomes of it."""
    try:
        sent = webhook_queue.send_test(actor=request.actor, public_id=public_id, now=timezone.now())
    except services.NoSuchWebhook as error:
        raise Http404 from error
    except DomainError as error:
        messages.warning(request, str(error))
        return _to(request, public_id)
    return _to_delivery(request, public_id, sent.public_id)


def _to_delivery(request: ConsoleRequest, public_id: UUID, delivery: UUID) -> HttpResponse:
    account = request.actor.account.auth_id
    return redirect("security:webhook_delivery", account=account, public_id=public_id, delivery=delivery)


@access(_MANAGE)
@require_POST
def webhook_replay(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Send again what failed within the time that was chosen."""
    endpoint = _endpoint(request, public_id)
    form = WebhookReplayForm(request.POST)
    if not form.is_valid():
        messages.warning(request, "Choose how far back.")
        return _to(request, public_id)
    now = timezone.now()
    try:
        count = webhook_queue.replay_failed(
            actor=request.actor, public_id=endpoint.public_id, since=now - form.span, now=now
        )
    except DomainError as error:
        messages.warning(request, str(error))
        return _to(request, public_id)
    messages.info(request, _said(count))
    return _to(request, public_id)


def _said(count: int) -> str:
    if not count:
        return "Nothing failed in that time."
    text = f"{count} failed deliver{'y is' if count == 1 else 'ies are'} sent again."
    more = (
        " That is the most at once: press it again for the rest."
        if count == webhook_queue.REPLAY_AT_MOST
        else ""
    )
    return text + more


@access(_VIEW)
@require_safe
def webhook_delivery(request: ConsoleRequest, public_id: UUID, delivery: UUID) -> HttpResponse:
    """Show one delivery: what was sent, and what came back at each try."""
    endpoint = _endpoint(request, public_id)
    found = queries.find_delivery(endpoint, delivery)
    if found is None:
        raise Http404
    return render(request, "security/webhook_delivery.html", {"endpoint": endpoint, "row": found})


@access(_MANAGE)
@require_POST
def webhook_delivery_replay(request: ConsoleRequest, public_id: UUID, delivery: UUID) -> HttpResponse:
    """Send one delivery again."""
    now = timezone.now()
    try:
        webhook_queue.replay_one(actor=request.actor, public_id=public_id, delivery=delivery, now=now)
    except (services.NoSuchWebhook, webhook_queue.NoSuchDelivery) as error:
        raise Http404 from error
    except DomainError as error:
        messages.warning(request, str(error))
    return _to_delivery(request, public_id, delivery)
