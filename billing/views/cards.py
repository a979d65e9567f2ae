"""Show and change how money comes in by card: Billing > Payment Settings."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing import gateway
from billing.forms.cards import AutoRechargeForm, CardBeginForm, CardFinishForm, RechargeForm, TestCardForm
from billing.models import CardSetup, Recharge
from billing.queries import cards as queries
from billing.queries.money import money_of
from billing.recharge_rules import periods
from billing.services import auto_recharge as automatic
from billing.services import cards as services
from billing.services import recharge as recharging
from billing.views.stripe_script import allow_stripe
from console.core.access import access
from console.core.errors import DomainError, TooManyRequests
from console.core.permissions import Permission
from console.core.requests import ConsoleRequest

_MANAGE = Permission.BILLING_MANAGE
_REFUSED, _LIMITED = 422, 429
_SHOWN = 6


@access(_MANAGE)
@require_safe
def payments(request: ConsoleRequest) -> HttpResponse:
    """Show cards, the newest recharges, and the form that adds credit."""
    return _page(request)


def _page(
    request: ConsoleRequest,
    form: RechargeForm | None = None,
    status: int = 200,
    auto_form: AutoRechargeForm | None = None,
) -> HttpResponse:
    account = request.actor.account
    cards = queries.cards_of(account)
    today = timezone.localdate()
    context = {
        "is_on": gateway.is_on(),
        "is_test": gateway.is_test(),
        "cards": [(card, card.ends_by(today)) for card in cards],
        "form": form or RechargeForm(cards=cards),
        "begin_form": CardBeginForm(),
        **_auto(request, auto_form),
        "money": money_of(account),
        "recharges": queries.recharges_of(account, limit=_SHOWN),
    }
    return render(request, "billing/payments.html", context, status=status)


def _auto(request: ConsoleRequest, form: AutoRechargeForm | None) -> dict[str, Any]:
    account, now = request.actor.account, timezone.now()
    rule = queries.rule_of(account)
    known = {name: getattr(rule, name) for name in AutoRechargeForm.base_fields} if rule else None
    return {
        "rule": rule,
        "is_resting": rule is not None and rule.is_resting(now),
        "spent": automatic.spent_by(account, now=now)["month"] if rule else None,
        "month_ends": periods(now, account.time_zone)[-1].ends_at,
        "auto_form": form or AutoRechargeForm(initial=known),
    }


@access(_MANAGE, recent_auth=True, deed="change auto-recharge")
@require_POST
def auto_recharge(request: ConsoleRequest) -> HttpResponse:
    """Turn auto-recharge on, or change it."""
    form = AutoRechargeForm(request.POST)
    if not form.is_valid():
        return _page(request, status=_REFUSED, auto_form=form)
    try:
        wish = automatic.Wish(**form.cleaned_data)
        automatic.set_auto_recharge(actor=request.actor, wish=wish, now=timezone.now())
    except DomainError as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return _page(request, status=_REFUSED, auto_form=form)
    messages.success(request, "Auto-recharge is set.")
    return _to_page(request)


@access(_MANAGE, recent_auth=True, deed="turn off auto-recharge")
@require_POST
def auto_recharge_off(request: ConsoleRequest) -> HttpResponse:
    """Charge nothing by itself any more."""
    automatic.turn_off(actor=request.actor, now=timezone.now())
    messages.success(request, "Auto-recharge is off.")
    return _to_page(request)


@access(_MANAGE, second_factor=True, deed="resume auto-recharge")
@require_POST
def auto_recharge_resume(request: ConsoleRequest) -> HttpResponse:
    """Let auto-recharge go on after a pause."""
    automatic.resume(actor=request.actor, now=timezone.now())
    messages.success(request, "Auto-recharge goes on.")
    return _to_page(request)


def _to_page(request: ConsoleRequest) -> HttpResponse:
    return redirect("billing:payments", account=request.actor.account.auth_id)


@access(_MANAGE, recent_auth=True, deed="add credit")
@require_POST
def recharge_add(request: ConsoleRequest) -> HttpResponse:
    """Charge a saved card, and lead to what becomes of it."""
    form = RechargeForm(request.POST, cards=queries.cards_of(request.actor.account))
    if not form.is_valid():
        return _page(request, form, _REFUSED)
    try:
        row = recharging.recharge(actor=request.actor, now=timezone.now(), **form.wish())
    except DomainError as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return _page(request, form, _LIMITED if isinstance(error, TooManyRequests) else _REFUSED)
    return _to_recharge(request, row)


def _to_recharge(request: ConsoleRequest, row: Recharge) -> HttpResponse:
    return redirect("billing:recharge", account=request.actor.account.auth_id, public_id=row.public_id)


def _recharge(request: ConsoleRequest, public_id: UUID) -> Recharge:
    row = queries.find_recharge(request.actor.account, public_id)
    if row is None:
        raise Http404
    return row


@access(_MANAGE)
@require_safe
def recharge(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Show a recharge: its receipt, why it failed, or the question of the bank."""
    row = _recharge(request, public_id)
    context = {"recharge": row, "key": settings.STRIPE_PUBLISHABLE_KEY, "script": settings.STRIPE_SCRIPT_URL}
    if row.state == Recharge.State.NEEDS_ACTION and gateway.is_on():
        try:
            context["secret"] = gateway.find_payment(row.intent_id).client_secret
        except (gateway.GatewayDown, gateway.GatewayRefused) as error:
            context["problem"] = str(error)
    return allow_stripe(render(request, "billing/recharge.html", context))


@access(_MANAGE, recent_auth=True, deed="add credit")
@require_POST
def recharge_check(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Ask Stripe what became of a recharge."""
    row = _recharge(request, public_id)
    recharging.look_again(actor=request.actor, public_id=public_id, now=timezone.now())
    return _to_recharge(request, row)


@access(_MANAGE, recent_auth=True, deed="add a card")
@require_POST
def card_add(request: ConsoleRequest) -> HttpResponse:
    """Begin to save a card, and lead to Stripe's form."""
    form = CardBeginForm(request.POST)
    if not form.is_valid():
        return _to_page(request)
    try:
        setup = services.begin_card(actor=request.actor, now=timezone.now(), **form.cleaned_data)
    except DomainError as error:
        messages.warning(request, str(error))
        return _to_page(request)
    return redirect("billing:card_setup", account=request.actor.account.auth_id, public_id=setup.public_id)


@access(_MANAGE)
@require_safe
def card_setup(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Show Stripe's form for a card."""
    return _setup_page(request, _setup(request, public_id))


def _setup(request: ConsoleRequest, public_id: UUID) -> CardSetup:
    setup = queries.find_setup(request.actor.account, public_id)
    if setup is None:
        raise Http404
    return setup


def _setup_page(request: ConsoleRequest, setup: CardSetup, refusal: str = "") -> HttpResponse:
    if setup.state != CardSetup.State.OPEN:
        return _to_page(request)
    context: dict[str, Any] = {
        "setup": setup,
        "key": settings.STRIPE_PUBLISHABLE_KEY,
        "script": settings.STRIPE_SCRIPT_URL,
        "problem": refusal,
    }
    try:
        context["secret"] = gateway.find_set_up(setup.intent_id).client_secret
    except (gateway.GatewayDown, gateway.GatewayOff, gateway.GatewayRefused) as error:
        context["problem"] = refusal or str(error)
    if settings.IS_DEVELOPMENT and gateway.is_test():
        context["test_form"] = TestCardForm()
    page = render(request, "billing/card_setup.html", context, status=_REFUSED if refusal else 200)
    return allow_stripe(page)


@access(_MANAGE, recent_auth=True, deed="add a card")
@require_POST
def card_finish(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Save the card if Stripe says that it is confirmed."""
    setup, form = _setup(request, public_id), CardFinishForm(request.POST)
    if not form.is_valid():
        return _setup_page(request, setup, "Choose one of the test cards.")
    try:
        saved = services.finish_card(
            actor=request.actor, public_id=public_id, now=timezone.now(), **form.cleaned_data
        )
    except DomainError as error:
        return _setup_page(request, setup, str(error))
    messages.success(request, f"{saved.card} is saved.")
    return _to_page(request)


@access(_MANAGE, recent_auth=True, deed="change the default card")
@require_POST
def card_default(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Make a card the one that is offered first."""
    try:
        card = services.make_default(actor=request.actor, public_id=public_id, now=timezone.now())
    except services.NoSuchCard as error:
        raise Http404 from error
    messages.success(request, f"{card} is the default card.")
    return _to_page(request)


@access(_MANAGE, recent_auth=True, deed="remove a card")
@require_http_methods(["GET", "HEAD", "POST"])
def card_remove(request: ConsoleRequest, public_id: UUID) -> HttpResponse:
    """Ask once more, then remove a card here and at Stripe."""
    card = queries.find_card(request.actor.account, public_id)
    if card is None:
        raise Http404
    if request.method != "POST":
        return render(request, "billing/card_remove.html", {"card": card})
    try:
        services.remove_card(actor=request.actor, public_id=public_id, now=timezone.now())
    except services.NoSuchCard as error:
        raise Http404 from error
    messages.success(request, f"{card} is removed.")
    return _to_page(request)
