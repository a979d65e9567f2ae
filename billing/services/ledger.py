"""Move money: the only writer of the ledger."""

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from accounts.models import Account
from billing.models import Balance, LedgerEntry
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record


class KeyReused(DomainError):
    """The idempotency key was used for another movement."""

    code = "idempotency_key_reused"


@transaction.atomic
def post_entry(
    *, account: Account, kind: str, amount: Decimal, key: str, now: datetime, note: str = ""
) -> LedgerEntry:
    """Append one entry and move the balance under its lock; the same key posts once.

    ``amount`` is in US dollars, five places, negative for what is spent.

    :raises KeyReused: if the key already stands for another kind or amount
    """
    Balance.objects.get_or_create(account=account)
    balance = Balance.objects.select_for_update().get(account=account)
    known = LedgerEntry.objects.of(account).filter(idempotency_key=key).first()
    if known is not None:
        if (known.kind, known.amount) != (kind, amount):
            raise KeyReused(f"The key {key} was used for another entry.")
        return known
    balance.amount += amount
    balance.updated_at = now
    balance.save(update_fields=["amount", "updated_at"])
    return LedgerEntry.objects.create(
        account=account,
        kind=kind,
        amount=amount,
        balance_after=balance.amount,
        idempotency_key=key,
        note=note,
        at=now,
    )


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
