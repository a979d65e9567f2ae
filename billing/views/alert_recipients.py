"""Add addresses that hear of the balance, and open the links that confirm them and that stop the mails."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from billing import links
from billing.forms.alerts import AlertAddressForm
from billing.services import alert_recipients as services
from billing.views.alerts import show_alerts
from console.core.access import access
from console.core.errors import DomainError, TooManyRequests
from console.core.permissions import Gate, Permission
from console.core.requests import ConsoleRequest

_MANAGE = Permission.BILLING_MANAGE
_REFUSED, _LIMITED, _GONE = 422, 429, 404


def _to_page(request: ConsoleRequest) -> HttpResponse:
    return redirect("billing:alerts", account=request.actor.account.auth_id)


@access(_MANAGE)
@require_POST
def address_add(request: ConsoleRequest) -> HttpResponse:
    """Add an address, and mail it the link that confirms it."""
    form = AlertAddressForm(request.POST)
    if not form.is_valid():
        return show_alerts(request, address_form=form, status=_REFUSED)
    email = form.cleaned_data["email"]
    try:
        services.add_recipient(actor=request.actor, email=email, now=timezone.now())
    except DomainError as error:
        form.add_error("email", str(error))
        status = _LIMITED if isinstance(error, TooManyRequests) else _REFUSED
        return show_alerts(request, address_form=form, status=status)
    messages.success(request, f"A link goes to {email}. Alerts go there once it is used.")
    return _to_page(request)


@access(_MANAGE)
@require_POST
def address_link(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Mail an address another link."""
    try:
        row = services.send_link(actor=request.actor, public_id=public_id, now=timezone.now())
    except services.NoSuchRecipient as error:
        raise Http404 from error
    except DomainError as error:
        status = _LIMITED if isinstance(error, TooManyRequests) else _REFUSED
        return show_alerts(request, status=status, error=str(error))
    messages.success(request, f"A new link goes to {row.email}. The one before has ended.")
    return _to_page(request)


@access(_MANAGE)
@require_POST
def address_remove(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Send no more alerts to an address."""
    try:
        services.remove_recipient(actor=request.actor, public_id=public_id, now=timezone.now())
    except services.NoSuchRecipient as error:
        raise Http404 from error
    messages.success(request, "Address removed. No more alerts go there.")
    return _to_page(request)


@access(Gate.PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Show what the link confirms, and confirm it by a button: mail scanners open links, and press none."""
    link, now = links.read_confirm(token), timezone.now()
    try:
        act = services.confirm_recipient if request.method == "POST" else services.check_link
        recipient = act(link=link, now=now)
    except services.LinkRefused as error:
        return render(request, "billing/alert_confirm.html", {"error": str(error)}, status=_GONE)
    return render(request, "billing/alert_confirm.html", {"recipient": recipient})


@access(Gate.PUBLIC)
@csrf_exempt  # mail programs post here by themselves; the signed link takes the token's place
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Stop the mails to the address of the link: by a button, or by the one click of a mail program."""
    public_id = links.read_stop(token)
    if public_id is None:
        return render(request, "billing/alert_stop.html", {"is_altered": True}, status=_GONE)
    if request.method == "POST":
        services.stop_mails(public_id=public_id, now=timezone.now())
    return render(request, "billing/alert_stop.html", {"is_stopped": request.method == "POST"})
