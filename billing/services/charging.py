"""Charge many accounts at once: entries, balances and what subaccounts spent, in a few statements."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from billing.services.movement import Move, balance_moved
from subaccounts.services.limits import note_spend

_OPEN = """
INSERT INTO billing_balance (account_id, amount, updated_at)
SELECT account_id, 0, %s FROM unnest(%s::bigint[]) AS given (account_id) ORDER BY account_id ON CONFLICT DO NOTHING
"""
_LOCK = (
    "SELECT account_id, amount FROM billing_balance WHERE account_id = ANY(%s) ORDER BY account_id FOR UPDATE"
)
_MOVE = """
UPDATE billing_balance AS balance SET amount = moved.amount, updated_at = %s
FROM unnest(%s::bigint[], %s::numeric[]) AS moved (account_id, amount) WHERE balance.account_id = moved.account_id
"""
_ENTRIES = """
INSERT INTO billing_ledgerentry
  (public_id, account_id, subaccount_id, kind, service, cause, amount, balance_after, note, idempotency_key, at)
SELECT gen_random_uuid(), account_id, subaccount_id, kind, service, cause, amount, left_after, note, key, %s FROM unnest(
  %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::numeric[], %s::numeric[], %s::text[],
  %s::text[]
) WITH ORDINALITY AS given (account_id, subaccount_id, kind, service, cause, amount, left_after, note, key, place)
ORDER BY given.place
"""


@dataclass(frozen=True, slots=True)
class Charge:
    """What one payer is charged: ``amount`` is more than nothing, in US dollars with five places."""

    account_id: int
    subaccount_id: int | None
    kind: str
    service: str
    amount: Decimal
    note: str
    cause: str

    @property
    def key(self) -> str:
        """Return the idempotency key of the entry."""
        return f"{self.cause}:{self.service}:{self.subaccount_id or 'main'}"


def lock_balances(*, account_ids: Collection[int], now: datetime) -> dict[int, Decimal]:
    """Lock the balances until the caller's transaction ends, in one order for all, and return them."""
    wanted = sorted(account_ids)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [wanted])
        found = dict(cursor.fetchall())
        if len(found) < len(wanted):
            cursor.execute(_OPEN, [now, wanted])
            cursor.execute(_LOCK, [wanted])
            found = dict(cursor.fetchall())
    return found


def charge_all(*, charges: Sequence[Charge], now: datetime) -> None:
    """Append an entry for each charge and move the balances; the caller owns the transaction."""
    if not charges:
        return
    left = lock_balances(account_ids={charge.account_id for charge in charges}, now=now)
    before = dict(left)
    rows = [_entry(charge, left) for charge in charges]
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES, [now, *(list(part) for part in zip(*rows, strict=True))])
        cursor.execute(_MOVE, [now, list(left), list(left.values())])
    # The months come before anything that is recorded: a change of a limit locks them in this order too.
    note_spend(spent=_spent_by_subaccount(charges), now=now)
    balance_moved(moves=[Move(pk, before[pk], after) for pk, after in left.items()], now=now)


def _entry(charge: Charge, left: dict[int, Decimal]) -> tuple[Any, ...]:
    left[charge.account_id] -= charge.amount
    return (
        charge.account_id,
        charge.subaccount_id,
        charge.kind,
        charge.service,
        charge.cause,
        -charge.amount,
        left[charge.account_id],
        charge.note,
        charge.key,
    )


def _spent_by_subaccount(charges: Sequence[Charge]) -> Mapping[int, Decimal]:
    sums: dict[int, Decimal] = defaultdict(Decimal)
    for charge in charges:
        if charge.subaccount_id is not None:
            sums[charge.subaccount_id] += charge.amount
    return sums
