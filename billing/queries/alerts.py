"""Look up balance alerts: how long the balance lasts, what was told, and who is told."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection

from accounts.models import Account
from billing.models import AlertRecipient, AlertThreshold, BalanceAlert
from billing.queries.money import ZERO
from teams.models import Membership
from teams.queries import members_of
from teams.roles import Role

_WEEK = 7
_LONG = 365
_POSTPAID = "postpaid"
_SHOWN = 12
_AGAIN = Decimal("1.1")
# One query: every page of the account shows it.
_RUNWAY = """
SELECT coalesce((SELECT amount FROM billing_balance WHERE account_id = %(account)s), 0),
  coalesce((SELECT sum(amount) FROM billing_ledgerday WHERE account_id = %(account)s
    AND day >= %(first)s AND day < %(today)s AND kind IN ('usage', 'rental')), 0)
"""
_TOLD = (Role.OWNER, Role.ANALYST)


@dataclass(frozen=True, slots=True)
class Runway:
    """How long the balance lasts: ``pace`` is what the last seven full days cost on average, in US dollars."""

    balance: Decimal
    pace: Decimal
    is_prepaid: bool = True

    @property
    def days(self) -> Decimal | None:
        """Return how many days the balance lasts at this pace; None when nothing is spent."""
        return max(self.balance, ZERO) / self.pace if self.pace > 0 else None

    @property
    def text(self) -> str:
        """Say about how long it lasts; nothing when nothing is spent, or it is paid afterwards."""
        if self.days is None or not self.is_prepaid:
            return ""
        if self.days >= _LONG:
            return "More than a year left"
        days = int(self.days)
        if not days:
            return "Less than a day left" if self.balance > 0 else "Nothing left"
        return f"About {days} day{'s' if days > 1 else ''} left"

    def reaches(self, amount: Decimal, *, today: date) -> date | None:
        """Return about when the balance comes down to an amount; None when it is below, or that is far away."""
        if self.pace <= 0 or self.balance < amount:
            return None
        days = (self.balance - amount) / self.pace
        return today + timedelta(days=int(days)) if days < _LONG else None


def runway_of(account: Account, *, today: date, balance: Decimal | None = None) -> Runway:
    """Return how long the balance lasts at the pace of the seven days before today."""
    values: dict[str, Any] = {"account": account.pk, "first": today - timedelta(days=_WEEK), "today": today}
    with connection.cursor() as cursor:
        cursor.execute(_RUNWAY, values)
        left, spent = cursor.fetchone()
    is_prepaid = account.billing_mode != _POSTPAID
    return Runway(left if balance is None else balance, max(-spent, ZERO) / _WEEK, is_prepaid)


def told_members(account: Account) -> list[Membership]:
    """Return the members who hear of the balance in any case, owner first."""
    rows = members_of(account).filter(role__in=_TOLD, user__is_active=True)
    return sorted(rows, key=lambda row: row.role != Role.OWNER)


def told_recipients(account: Account) -> list[AlertRecipient]:
    """Return the other addresses that hear of it: confirmed, and no mail to them came back."""
    rows = AlertRecipient.objects.of(account).filter(confirmed_at__isnull=False, bounced_at=None)
    return list(rows.order_by("id"))


def recipients_of(account: Account) -> list[AlertRecipient]:
    """Return every address outside the team, oldest first."""
    return list(AlertRecipient.objects.of(account).select_related("added_by").order_by("id"))


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount as the page shows it, and about when the balance comes down to it."""

    amount: Decimal
    is_custom: bool
    is_armed: bool
    fired_at: datetime | None
    expected_on: date | None

    @property
    def armed_above(self) -> Decimal:
        """Return the balance above which it is armed again."""
        return self.amount * _AGAIN


def amounts_of(account: Account, runway: Runway, *, today: date) -> list[Amount]:
    """Return the amounts that the account watches, highest first."""
    rows = {row.amount: row for row in AlertThreshold.objects.of(account)}
    wanted = {*settings.CONSOLE_ALERT_AMOUNTS, *(row.amount for row in rows.values() if row.is_custom)}
    return [_amount(amount, rows.get(amount), runway, today) for amount in sorted(wanted, reverse=True)]


def _amount(amount: Decimal, row: AlertThreshold | None, runway: Runway, today: date) -> Amount:
    is_armed = row.state == AlertThreshold.State.ARMED if row else runway.balance >= amount
    expected = runway.reaches(amount, today=today) if is_armed else None
    return Amount(amount, bool(row and row.is_custom), is_armed, row.fired_at if row else None, expected)


def history_of(account: Account) -> list[BalanceAlert]:
    """Return what was told lately, newest first."""
    return list(BalanceAlert.objects.of(account).order_by("-at", "-id")[:_SHOWN])
