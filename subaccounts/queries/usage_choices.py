"""Say of which subaccounts the usage may be asked for."""

from dataclasses import dataclass

from django.db.models import Q

from console.core.access import Actor
from subaccounts.models import Subaccount
from subaccounts.queries.subaccounts import AUTH_ID

_MOST = 200


@dataclass(frozen=True, slots=True)
class SubaccountChoices:
    """Subaccounts by Auth ID: some live ones by name, and the one that is asked for, deleted or not."""

    rows: dict[str, Subaccount]


def choices_of(actor: Actor, *, asked: str) -> SubaccountChoices:
    """Return what a filter offers; one query for few and for many subaccounts."""
    rows = Subaccount.objects.of(actor.account)
    if actor.subaccount_id is not None:
        rows = rows.filter(pk=actor.subaccount_id)
    live = rows.filter(deleted_at=None).order_by("-id").values("pk")[:_MOST]
    # What has another shape, NUL included, never reaches the database.
    wanted = Q(auth_id=asked) if AUTH_ID.fullmatch(asked) else Q()
    found = rows.filter(Q(pk__in=live) | wanted).order_by("name", "id")
    return SubaccountChoices({row.auth_id: row for row in found})
