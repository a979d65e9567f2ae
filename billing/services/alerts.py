"""Change the amounts that an account watches, and try whether its mails arrive."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction

from billing.models import AlertThreshold, BalanceAlert
from billing.models.alerts import plain_dollars
from billing.services.ledger import lock_balance
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from console.core.ratelimit import Limit, spend

MOST_AMOUNTS = 3
MOST = Decimal(1_000_000)
_TESTS = Limit("balance-alert-test", 5, 3600)


class AmountRefused(DomainError):
    """The amount is none that can be watched."""

    code = "amount_refused"


@transaction.atomic
def set_amounts(*, actor: Actor, amounts: Sequence[Decimal], now: datetime) -> bool:
    """Watch these amounts beside the built-in ones, up to three; say whether that changed anything.

    One above the balance begins as fired: nothing fell, so nobody is told.

    :raises AmountRefused: if one is out of range, given twice, or built in
    """
    actor.require(Permission.BILLING_MANAGE)
    _check(amounts)
    account = actor.account
    # The lock of the balance: no movement looks at the amounts meanwhile.
    left = lock_balance(account_id=account.pk, now=now)
    rows = AlertThreshold.objects.of(account).filter(is_custom=True)
    before, after = set(rows.values_list("amount", flat=True)), set(amounts)
    if before == after:
        return False
    rows.exclude(amount__in=after).delete()
    for amount in sorted(after - before):
        state = AlertThreshold.State.ARMED if left >= amount else AlertThreshold.State.FIRED
        # An amount that was built in once may have a row still.
        AlertThreshold.objects.of(account).filter(amount=amount).delete()
        AlertThreshold.objects.create(account=account, amount=amount, is_custom=True, state=state)
    words: dict[str, Any] = {"before": _words(before), "after": _words(after)}
    record(EventKind.BALANCE_ALERT_AMOUNTS_CHANGED, actor=actor, target=account, at=now, **words)
    return True


def _words(amounts: set[Decimal]) -> list[str]:
    return [f"{amount:.2f}" for amount in sorted(amounts)]


def _check(amounts: Sequence[Decimal]) -> None:
    if len(amounts) > MOST_AMOUNTS:
        raise AmountRefused(f"Set up to {MOST_AMOUNTS} amounts of your own.")
    if len(set(amounts)) < len(amounts):
        raise AmountRefused("Two of the amounts are the same.")
    for amount in amounts:
        if not 0 < amount <= MOST:
            raise AmountRefused(f"Enter amounts above $0 and up to ${MOST:,.0f}.")
        if amount in settings.CONSOLE_ALERT_AMOUNTS:
            raise AmountRefused(f"{plain_dollars(amount)} is always on.")


def send_test(*, actor: Actor, now: datetime) -> BalanceAlert:
    """Mail the actor a test of the alert.

    :raises TooManyRequests: after five tests of the account in an hour
    """
    actor.require(Permission.BILLING_MANAGE)
    account = actor.account
    message = "The account has sent five tests in an hour. Wait a while, then try again."
    spend(_TESTS, str(account.pk), now=now, message=message)
    with transaction.atomic():
        left = lock_balance(account_id=account.pk, now=now)
        made: BalanceAlert = BalanceAlert.objects.create(
            account=account, kind=BalanceAlert.Kind.TEST, balance=left, at=now
        )
        record(EventKind.BALANCE_ALERT_TESTED, actor=actor, target=made, at=now, person=actor.user.pk)
    return made
