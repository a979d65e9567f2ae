"""Charge the rent of phone numbers."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.models import Account
from billing.models import Balance, LedgerEntry
from billing.services.ledger import post_entry

_POSTPAID = "postpaid"


@transaction.atomic
def charge_rental(*, account: Account, amount: Decimal, key: str, now: datetime, note: str) -> bool:
    """Charge a month of a number, and say whether it is paid; the same key charges once.

    A prepaid balance must hold the whole amount: what was not charged leaves no entry.
    """
    if not amount or LedgerEntry.objects.of(account).filter(idempotency_key=key).exists():
        return True
    Balance.objects.get_or_create(account=account)
    balance = Balance.objects.select_for_update().get(account=account)
    if account.billing_mode != _POSTPAID and balance.amount < amount:
        return False
    post_entry(account=account, kind=LedgerEntry.Kind.RENTAL, amount=-amount, key=key, now=now, note=note)
    return True
