"""Look up sender IDs."""

from uuid import UUID

from django.db.models import QuerySet

from console.core.access import Actor
from subaccounts.models import SenderId
from subaccounts.queries.numbers import MAIN, Page, keyset_page
from subaccounts.queries.scope import reachable


def sender_ids_of(actor: Actor) -> QuerySet[SenderId]:
    """Return the sender IDs that the actor reaches, newest first."""
    rows: QuerySet[SenderId] = reachable(SenderId, actor)
    return rows.select_related("subaccount", "requested_by").order_by("-id")


def sender_page(
    actor: Actor,
    *,
    state: str = "",
    country: str = "",
    owner: str = "",
    before: int | None = None,
    after: int | None = None,
) -> Page:
    """Return the page before or after a place, else the newest one; one query."""
    rows = sender_ids_of(actor)
    if state:
        rows = rows.filter(state=state)
    if country:
        rows = rows.filter(country_iso=country)
    if owner:
        rows = rows.filter(subaccount=None) if owner == MAIN else rows.filter(subaccount__auth_id=owner)
    return keyset_page(rows, before=before, after=after)


def find_sender_id(actor: Actor, public_id: UUID) -> SenderId | None:
    """Return one sender ID that the actor reaches."""
    return sender_ids_of(actor).filter(public_id=public_id).first()


def count_waiting() -> int:
    """Return how many sender IDs wait for staff."""
    return SenderId.unscoped.filter(state=SenderId.State.REQUESTED).count()
