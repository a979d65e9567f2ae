"""Make numbers for tests: functions, not classes."""

import itertools
from decimal import Decimal

from django.utils import timezone

from billing.services import post_entry
from console.core.access import Actor
from subaccounts.models import InventoryNumber
from subaccounts.services import numbers as services
from teams.roles import RIGHTS, Role

_numbers = itertools.count(100)


def make_stock(number="", **fields):
    """Make a free number of New York at 80 cents a month."""
    values = {
        "number": number or f"1212555{next(_numbers):04d}",
        "country_iso": "US",
        "number_type": "local",
        "city": "New York",
        "region": "New York",
        "carrier": "Patchbay",
        "has_sms": True,
        "monthly_amount": Decimal("0.80000"),
        "voice_rate": Decimal("0.00850"),
    }
    return InventoryNumber.objects.create(**(values | fields))


def pay(account, amount, *, key="paid"):
    """Fill the balance."""
    post_entry(account=account, kind="recharge", amount=Decimal(amount), key=key, now=timezone.now())


def owner_of(account, **fields):
    """Return the owner, acting in the account."""
    values = {"account": account, "rights": RIGHTS[Role.OWNER], "role": "Owner"} | fields
    return Actor(user=account.opened_by, **values)


def rent(actor, number="", *, now=None, **more):
    """Rent a number, made when it is not there, and return the rental."""
    if not InventoryNumber.objects.filter(number=number).exists():
        number = make_stock(number).number
    return services.rent_number(actor=actor, number=number, now=now or timezone.now(), **more).number
