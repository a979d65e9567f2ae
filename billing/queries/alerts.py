"""Look up balance alerts: how long the balance lasts, what was told, and who is told."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from accounts.models import Account
from billing.models import AlertRecipient
from billing.queries.money import ZERO, money_of
from billing.queries.statement import spent_in
from teams.models import Membership
from teams.queries import members_of
from teams.roles import Role

_WEEK = 7
_LONG = 365
_TOLD = (Role.OWNER, Role.ANALYST)


@dataclass(frozen=True, slots=True)
class Runway:
    """How long the balance lasts: ``pace`` is what the last seven full days cost on average, in US dollars."""

    balance: Decimal
    pace: Decimal

    @property
    def days(self) -> Decimal | None:
        """Return how many days the balance lasts at this pace; None when nothing is spent."""
        return max(self.balance, ZERO) / self.pace if self.pace > 0 else None

    @property
    def text(self) -> str:
        """Say about how long it lasts; nothing when nothing is spent."""
        if self.days is None:
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
    spent = spent_in(account, first=today - timedelta(days=_WEEK), last=today - timedelta(days=1))
    return Runway(money_of(account).balance if balance is None else balance, spent / _WEEK)


def told_members(account: Account) -> list[Membership]:
    """Return the members who hear of the balance in any case, owner first."""
    rows = members_of(account).filter(role__in=_TOLD, user__is_active=True)
    return sorted(rows, key=lambda row: row.role != Role.OWNER)


def told_recipients(account: Account) -> list[AlertRecipient]:
    """Return the other addresses that hear of it: confirmed, and no mail to them came back."""
    rows = AlertRecipient.objects.of(account).filter(confirmed_at__isnull=False, bounced_at=None)
    return list(rows.order_by("id"))
