"""Show and change who hears of the balance, and when: Billing > Balance alerts."""

from decimal import ROUND_UP, Decimal

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from billing.forms.alerts import AlertAddressForm, AlertAmountsForm
from billing.models.alerts import plain_dollars
from billing.queries import alerts as queries
from billing.services import alerts as services
from console.core.access import access
from console.core.errors import DomainError, TooManyRequests
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest

_MANAGE = Permission.BILLING_MANAGE
_REFUSED, _LIMITED = 422, 429


@access(_MANAGE)
@require_safe
def alerts(request: ConsoleRequest) -> HttpResponse:
    """Show the amounts, what comes when, who is told, and what was told."""
    return show_alerts(request)


def show_alerts(
    request: ConsoleRequest,
    form: AlertAmountsForm | None = None,
    *,
    address_form: AlertAddressForm | None = None,
    status: int = 200,
    error: str = "",
) -> HttpResponse:
    """Draw the page, with forms that were refused."""
    account, today = request.actor.account, timezone.localdate()
    runway = queries.runway_of(account, today=today)
    amounts = queries.amounts_of(account, runway, today=today)
    own = [row.amount for row in amounts if row.is_custom]
    context = {
        "forecast": runway,
        "amounts": amounts,
        "built_in": ", ".join(plain_dollars(row.amount) for row in amounts if not row.is_custom),
        "empty_on": runway.reaches(queries.ZERO, today=today),
        "form": form or AlertAmountsForm.showing(own, hint=_hint(runway)),
        "members": queries.told_members(account),
        "history": queries.history_of(account),
        "recipients": queries.recipients_of(account),
        "address_form": address_form or AlertAddressForm(),
        "most_addresses": settings.CONSOLE_ALERT_ADDRESSES,
        "link_hours": settings.CONSOLE_ALERT_LINK_HOURS,
        "error": error,
    }
    return render(request, "billing/alerts.html", context, status=status)


def _hint(runway: queries.Runway) -> str:
    if runway.pace <= 0:
        return ""
    day = max(runway.pace.quantize(Decimal(1), rounding=ROUND_UP), Decimal(1))
    return f"A good first one is what a day costs, about {plain_dollars(day)}."


def _to_page(request: ConsoleRequest) -> HttpResponse:
    return redirect("billing:alerts", account=request.actor.account.auth_id)


@access(_MANAGE)
@require_POST
def amounts(request: ConsoleRequest) -> HttpResponse:
    """Watch other amounts from now on."""
    form = AlertAmountsForm(request.POST)
    if not form.is_valid():
        return show_alerts(request, form, status=_REFUSED)
    try:
        services.set_amounts(actor=request.actor, amounts=form.amounts(), now=timezone.now())
    except DomainError as error:
        form.add_error(None, str(error))
        return show_alerts(request, form, status=_REFUSED)
    messages.success(request, "Amounts saved.")
    return _to_page(request)


@access(_MANAGE)
@require_POST
def test(request: ConsoleRequest) -> HttpResponse:
    """Mail a test to the person who asks."""
    try:
        services.send_test(actor=request.actor, now=timezone.now())
    except TooManyRequests as error:
        return show_alerts(request, status=_LIMITED, error=str(error))
    messages.success(request, f"A test goes to {request.user.email}.")
    return _to_page(request)
