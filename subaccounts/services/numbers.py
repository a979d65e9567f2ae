"""Rent numbers, change and move them, and give them back."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction

from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from subaccounts.models import Application, InventoryNumber, Number, Subaccount
from subaccounts.queries import numbers as queries
from subaccounts.queries.scope import reachable
from subaccounts.services.owners import find_owner, hold_resources, owner_name
from subaccounts.services.rental_rules import charge, due_on, renewal_after

_NAMED = 50


class NumberTaken(DomainError):
    """The number is not free, or is none of ours."""

    code = "number_not_available"


class BalanceTooLow(DomainError):
    """The balance does not pay for the number."""

    code = "balance_too_low"


class PriceChanged(DomainError):
    """The price is not the one that was agreed to."""

    code = "price_changed"


class NoSuchNumber(DomainError):
    """The caller has no such number."""

    code = "not_found"


class NoSuchApplication(DomainError):
    """The owner of the number has no such application."""

    code = "unknown_application"
    field = "app_id"


@dataclass(frozen=True, slots=True)
class Rented:
    """A number of the account; ``is_new`` unless it was rented before, by the click before this one."""

    number: Number
    is_new: bool


@transaction.atomic
def rent_number(
    *,
    actor: Actor,
    number: str,
    now: datetime,
    subaccount_id: str = "",
    app_id: str = "",
    agreed: Decimal | None = None,
) -> Rented:
    """Rent a free number for a month, paid at once, for the main account or the subaccount with that Auth ID.

    The lock on the row of the inventory makes two clicks, or two customers, one rental.

    :raises ResourceRefused: if there is no such subaccount
    :raises NumberTaken: if it is not free
    :raises PriceChanged: if it costs something else than ``agreed``
    :raises BalanceTooLow: if the balance does not pay for it
    """
    actor.require(Permission.RESOURCE_MANAGE)
    hold_resources(actor)
    subaccount = find_owner(actor, subaccount_id)
    stock = InventoryNumber.objects.select_for_update().filter(number=number).first()
    if stock is None or stock.free_at is None or stock.free_at > now:
        return Rented(_own(actor, number), is_new=False)
    application = _application(actor, app_id, subaccount) or _default_application(actor, subaccount)
    amount = stock.monthly_amount + stock.setup_amount
    if agreed is not None and agreed != amount:
        raise PriceChanged("The price changed meanwhile. Look at it again, then rent.")
    rented = _make(actor, stock, subaccount, application, now)
    _pay_first(rented, amount, now)
    InventoryNumber.objects.filter(pk=stock.pk).update(free_at=None)
    facts: dict[str, Any] = {"monthly_amount": str(stock.monthly_amount), "amount": str(amount)}
    facts |= {
        "country": stock.country_iso,
        "owner": owner_name(subaccount),
        "renewal_date": rented.renewal_date,
    }
    record(EventKind.NUMBER_RENTED, actor=actor, target=rented, at=now, **facts)
    return Rented(rented, is_new=True)


def _own(actor: Actor, number: str) -> Number:
    found: Number | None = reachable(Number, actor).filter(number=number).first()
    if found is None:
        raise NumberTaken(f"+{number} is not free. Pick another number; nothing was charged.")
    return found


def _make(
    actor: Actor,
    stock: InventoryNumber,
    subaccount: Subaccount | None,
    application: Application | None,
    now: datetime,
) -> Number:
    today = due_on(now.date())
    renewal = renewal_after(today.date(), today.date())
    made: Number = Number.objects.create(
        account=actor.account,
        public_id=uuid.uuid4(),
        inventory=stock,
        subaccount=subaccount,
        application=application,
        number=stock.number,
        monthly_amount=stock.monthly_amount,
        rented_at=now,
        renewal_date=renewal,
        due_at=due_on(renewal),
    )
    return made


def _pay_first(row: Number, amount: Decimal, now: datetime) -> None:
    is_paid = charge(row=row, begins=row.rented_on, ends=row.renewal_date, amount=amount, now=now)
    if not is_paid:
        raise BalanceTooLow(
            f"The balance does not hold the ${amount:.2f} that +{row.number} costs now. "
            "Recharge it, then rent the number. Nothing was charged."
        )


@transaction.atomic
def change_number(
    *,
    actor: Actor,
    number: str,
    now: datetime,
    alias: str | None = None,
    cnam_lookup: bool | None = None,
    app_id: str | None = None,
    subaccount_id: str | None = None,
) -> Number:
    """Change what is given: an empty ``app_id`` is no application, an empty ``subaccount_id`` the main account.

    A number that moves keeps no application of its old owner: the new owner's default takes its place.

    :raises NoSuchNumber: if the actor reaches none of that name
    :raises ResourceRefused: if there is no such subaccount
    """
    actor.require(Permission.RESOURCE_MANAGE)
    hold_resources(actor)
    target = None if subaccount_id is None else find_owner(actor, subaccount_id)
    row = _lock(actor, number)
    before = _facts(row)
    subaccount = row.subaccount if subaccount_id is None else target
    if subaccount != row.subaccount:
        row.subaccount, row.application = subaccount, _default_application(actor, subaccount)
    if app_id is not None:
        row.application = _application(actor, app_id, subaccount)
    row.alias = row.alias if alias is None else alias
    row.cnam_lookup = row.cnam_lookup if cnam_lookup is None else cnam_lookup
    if (after := _facts(row)) == before:
        return row
    row.save(update_fields=["subaccount", "application", "alias", "cnam_lookup"])
    is_moved = before["owner"] != after["owner"]
    kind = EventKind.NUMBER_MOVED if is_moved else EventKind.NUMBER_CHANGED
    record(kind, actor=actor, target=row, at=now, before=before, after=after)
    return row


def _facts(row: Number) -> dict[str, Any]:
    app = row.application
    return {
        "owner": owner_name(row.subaccount),
        "application": app.audit_label if app else "",
        "alias": row.alias,
        "cnam_lookup": row.cnam_lookup,
    }


def _lock(actor: Actor, number: str) -> Number:
    rows = reachable(Number, actor).select_for_update(of=("self",))
    found: Number | None = (
        rows.select_related("account", "inventory", "subaccount", "application").filter(number=number).first()
    )
    if found is None:
        raise NoSuchNumber("There is no such number.")
    return found


def _application(actor: Actor, app_id: str, owner: Subaccount | None) -> Application | None:
    if not app_id:
        return None
    found = queries.applications_of(actor, owner).filter(app_id=app_id).first()
    if found is None:
        raise NoSuchApplication("The owner of the number has no such application.")
    return found


def _default_application(actor: Actor, owner: Subaccount | None) -> Application | None:
    return queries.applications_of(actor, owner).filter(default_number_app=True).first()


# --- Giving back -----------------------------------------------------------------------------


@transaction.atomic
def release_number(*, actor: Actor, number: str, now: datetime) -> None:
    """Give a number back at once; what is paid of the month stays paid.

    :raises NoSuchNumber: if the actor reaches none of that name
    """
    actor.require(Permission.RESOURCE_MANAGE)
    hold_resources(actor)
    row = _lock(actor, number)
    facts: dict[str, Any] = {"owner": owner_name(row.subaccount), "paid_until": row.renewal_date}
    record(EventKind.NUMBER_RELEASED, actor=actor, target=row, at=now, **facts)
    give_back([row], now=now)


def give_back(rows: list[Number], *, now: datetime) -> None:
    """End rentals; the numbers rest before somebody else may rent them. The caller recorded why."""
    rests = now + timedelta(days=settings.CONSOLE_NUMBER_REST_DAYS)
    InventoryNumber.objects.filter(pk__in=[row.inventory_id for row in rows]).update(free_at=rests)
    Number.unscoped.filter(pk__in=[row.pk for row in rows]).delete()


def move_to_main(*, actor: Actor, subaccount: Subaccount, now: datetime) -> int:
    """Give the numbers of a subaccount that goes to the main account, in the caller's transaction."""
    actor.require(Permission.SUBACCOUNT_MANAGE)
    rows = _lock_all(actor, subaccount)
    if rows:
        Number.unscoped.filter(pk__in=[row.pk for row in rows]).update(subaccount=None)
        record(EventKind.NUMBERS_MOVED, actor=actor, target=subaccount, at=now, **named(rows))
    return len(rows)


def delete_of(*, actor: Actor, subaccount: Subaccount, now: datetime) -> int:
    """Give back the numbers of a subaccount that goes, in the caller's transaction."""
    actor.require(Permission.SUBACCOUNT_MANAGE)
    rows = _lock_all(actor, subaccount)
    if rows:
        record(EventKind.NUMBERS_RELEASED, actor=actor, target=subaccount, at=now, **named(rows))
        give_back(rows, now=now)
    return len(rows)


def _lock_all(actor: Actor, subaccount: Subaccount) -> list[Number]:
    rows = Number.objects.of(actor.account).select_for_update(of=("self",))
    return list(rows.filter(subaccount=subaccount).order_by("pk"))


def named(rows: list[Number]) -> dict[str, Any]:
    """Return how many numbers there are, and the first of them by name, for an event."""
    return {"count": len(rows), "numbers": [f"+{row.number}" for row in rows[:_NAMED]]}
