"""Look up what subaccounts spent this month against their limits."""

from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal

from django.db.models import DecimalField, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from accounts.models import Account
from subaccounts.limit_rules import Standing, month_of, next_month
from subaccounts.models import MonthSpend, SpendLimit, Subaccount, UsageDay


def with_spend(rows: QuerySet[Subaccount], month: date) -> QuerySet[Subaccount]:
    """Have each subaccount bring its limit and, as ``spent``, what it spent in the month."""
    spent = MonthSpend.unscoped.filter(subaccount=OuterRef("pk"), month=month).values("amount")
    nothing = Value(Decimal(0), output_field=DecimalField(max_digits=18, decimal_places=5))
    return rows.select_related("limit").annotate(spent=Coalesce(Subquery(spent), nothing))


def stopped(month: date) -> Exists:
    """Return the condition that a subaccount reached a limit that stops it."""
    rows = MonthSpend.unscoped.filter(subaccount=OuterRef("pk"), month=month)
    reached = Q(amount__gte=F("subaccount__limit__amount"), subaccount__limit__stop=SpendLimit.Stop.HARD)
    return Exists(rows.filter(reached))


def standing_of(subaccount: Subaccount, month: date) -> Standing:
    """Return where a subaccount stands that came by ``with_spend``."""
    limit: SpendLimit | None = getattr(subaccount, "limit", None)
    return Standing(
        month,
        subaccount.spent,  # type: ignore[attr-defined]
        limit.amount if limit else None,
        limit.alert_percent if limit else None,
        is_hard=limit is not None and limit.is_hard,
    )


def events_of(account: Account, ids: Collection[int], month: date) -> dict[int, dict[str, int]]:
    """Return how many calls and messages these subaccounts had in the month, by id and kind, in one query."""
    rows = UsageDay.objects.of(account).filter(subaccount__in=ids, day__gte=month, day__lt=next_month(month))
    found: dict[int, dict[str, int]] = {pk: {"call": 0, "message": 0} for pk in ids}
    for pk, kind, number in rows.values_list("subaccount_id", "kind").annotate(Sum("events")).order_by():
        found[pk][kind] = number
    return found


def this_month(account: Account, now: datetime) -> date:
    """Return the first day of the account's month."""
    return month_of(now, account.time_zone)
