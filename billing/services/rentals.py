"""Charge the rent of phone numbers."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.models import Account
from billing.models import LedgerEntry
from billing.services.ledger import lock_balance, post_entry

_POSTPAID = "postpaid"


@transaction.atomic
def charge_rental(
    *,
    account: Account,
    amount: Decimal,
    key: str,
    cause: str,
    now: datetime,
    note: str,
    subaccount_id: int | None = None,
) -> bool:
    """Charge a month of a number, and say whether it is paid; the same key charges once.

    A prepaid balance must hold the whole amount: what was not charged leaves no entry. ``subaccount_id`` says whose
    the number is, for the statement; the account pays.
    """
    if not amount:
        return True
    left = lock_balance(account_id=account.pk, now=now)
    if LedgerEntry.objects.of(account).filter(idempotency_key=key).exists():
        return True
    if account.billing_mode != _POSTPAID and left < amount:
        return False
    post_entry(
        account=account,
        kind=LedgerEntry.Kind.RENTAL,
        amount=-amount,
        key=key,
        now=now,
        note=note,
        cause=cause,
        subaccount_id=subaccount_id,
    )
    return True
