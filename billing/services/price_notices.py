"""Announce new prices to the accounts that use what they change."""

from datetime import datetime

from django.db import transaction

from billing.models import PriceList, PriceNotice
from billing.queries.price_impact import insert_notices
from console.core.access import Actor
from console.core.events import EventKind, record

_AT_ONCE = 500


def plan_notices(*, published: PriceList, now: datetime) -> int:
    """Note who is told about a list that counts later; a second call adds nothing."""
    if published.is_sample or published.effective_at <= now:
        return 0
    return insert_notices(published, now=now)


def tell_notices(*, now: datetime) -> int:
    """Announce to those who were not told yet, each in a transaction of their own."""
    waiting = PriceNotice.unscoped.filter(told_at=None).order_by("pk").values_list("pk", flat=True)[:_AT_ONCE]
    return sum(_tell(pk, now) for pk in list(waiting))


@transaction.atomic
def _tell(pk: int, now: datetime) -> int:
    rows = PriceNotice.unscoped.select_for_update(of=("self",), skip_locked=True)
    notice = rows.select_related("account", "price_list").filter(pk=pk, told_at=None).first()
    if notice is None:
        return 0
    notice.told_at = now
    notice.save(update_fields=["told_at"])
    record(
        EventKind.PRICE_CHANGE_ANNOUNCED,
        actor=Actor.system(notice.account),
        target=notice,
        at=now,
        countries=notice.countries,
        impact=str(notice.impact),
        effective_at=notice.price_list.effective_at,
    )
    return 1
