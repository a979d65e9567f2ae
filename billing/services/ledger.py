"""Move money: the only writer of the ledger."""

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction

from accounts.models import Account
from billing.models import LedgerEntry
from billing.services.movement import Move, balance_moved
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record


class KeyReused(DomainError):
    """The idempotency key was used for another movement."""

    code = "idempotency_key_reused"


_LOCK = "SELECT amount FROM billing_balance WHERE account_id = %s FOR UPDATE"
_OPEN = (
    "INSERT INTO billing_balance (account_id, amount, updated_at) VALUES (%s, 0, %s) ON CONFLICT DO NOTHING"
)
_MOVE = "UPDATE billing_balance SET amount = %s, updated_at = %s WHERE account_id = %s"


_RECHARGE = LedgerEntry.Kind.RECHARGE


@transaction.atomic
def post_entry(  # noqa: PLR0913 - an entry is one row of so many facts
    *,
    account: Account,
    kind: str,
    amount: Decimal,
    key: str,
    now: datetime,
    note: str = "",
    cause: str = "",
    service: str = "",
    subaccount_id: int | None = None,
) -> LedgerEntry:
    """Append one entry and move the balance under its lock; the same key posts once.

    ``amount`` is in US dollars, five places, negative for what is spent; ``cause`` names what made the entry.

    :raises KeyReused: if the key already stands for another kind or amount
    """
    before = lock_balance(account_id=account.pk, now=now)
    left = before + amount
    known = LedgerEntry.objects.of(account).filter(idempotency_key=key).first()
    if known is not None:
        if (known.kind, known.amount) != (kind, amount):
            raise KeyReused(f"The key {key} was used for another entry.")
        return known
    _move(account.pk, left, now)
    entry: LedgerEntry = LedgerEntry.objects.create(
        account=account,
        subaccount_id=subaccount_id,
        kind=kind,
        service=service,
        cause=cause,
        amount=amount,
        balance_after=left,
        idempotency_key=key,
        note=note,
        at=now,
    )
    balance_moved(moves=[Move(account.pk, before, left, is_recharge=kind == _RECHARGE)], now=now)
    return entry


def _move(account_id: int, left: Decimal, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, [left, now, account_id])


def lock_balance(*, account_id: int, now: datetime) -> Decimal:
    """Lock the balance of the account until the caller's transaction ends, and return it in US dollars."""
    # Written by hand: everybody who charges the account waits while this lock is held.
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [account_id])
        found = cursor.fetchone()
        if found is None:
            cursor.execute(_OPEN, [account_id, now])
            cursor.execute(_LOCK, [account_id])
            found = cursor.fetchone()
    return Decimal(found[0])


@transaction.atomic
def grant_trial_credit(*, account: Account, now: datetime) -> LedgerEntry | None:
    """Post the trial credit of a new account, once; None when the setting grants none."""
    amount = settings.CONSOLE_TRIAL_CREDIT
    if not amount:
        return None
    if known := LedgerEntry.objects.of(account).filter(idempotency_key="trial-credit").first():
        return known
    entry = post_entry(
        account=account,
        kind=LedgerEntry.Kind.TRIAL_CREDIT,
        amount=amount,
        key="trial-credit",
        now=now,
        note="Trial credit",
    )
    record(
        EventKind.TRIAL_CREDIT_GRANTED, actor=Actor.system(account), target=entry, at=now, amount=str(amount)
    )
    return entry
