"""Name every kind of thing that a subaccount may own, and what becomes of it when the subaccount goes.

The module of each kind adds its line. ``move`` and ``delete`` run inside the transaction of the deletion, take
``actor``, ``subaccount`` and ``now`` by keyword, record one event with the count, and return the count.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.tenancy import TenantModel
from subaccounts.models import Application, Endpoint, Number, SenderId, Subaccount
from subaccounts.services import applications, endpoints, numbers, sender_ids


@dataclass(frozen=True, slots=True)
class Owned:
    """One kind: its words, its rows, and what is done with them.

    ``live`` leaves out rows that are history; ``route`` is the page that lists the kind and filters by owner,
    ``in_lists`` says whether the list of subaccounts counts them.
    """

    singular: str
    plural: str
    model: type[TenantModel]
    move: Callable[..., int]
    delete: Callable[..., int]
    live: Q = field(default_factory=Q)
    route: str = ""
    in_lists: bool = False

    @property
    def key(self) -> str:
        """Name the count of this kind in queries and events."""
        return f"owned_{self.plural.replace(' ', '_').lower()}"

    def count(self) -> Coalesce:
        """Return the number of rows of each subaccount, as a part of a query of subaccounts."""
        found: QuerySet[Any] = self.model.unscoped.all()
        rows = found.filter(self.live, subaccount=OuterRef("pk")).order_by()
        number = rows.values("subaccount").annotate(number=Count("pk")).values("number")
        return Coalesce(Subquery(number, output_field=IntegerField()), 0)

    def words(self, number: int) -> str:
        """Say how many."""
        return f"{number:,} {self.singular if number == 1 else self.plural}"


def with_counts(rows: QuerySet[Subaccount]) -> QuerySet[Subaccount]:
    """Have each subaccount bring how many of each kind it owns, in the same query."""
    return rows.annotate(**{kind.key: kind.count() for kind in OWNED})


def counts_of(subaccount: Subaccount) -> list[tuple[Owned, int]]:
    """Return how many of each kind a subaccount owns that came by ``with_counts``."""
    return [(kind, getattr(subaccount, kind.key)) for kind in OWNED]


# In the order in which they are deleted: what points to something goes before it.
OWNED: tuple[Owned, ...] = (
    Owned(
        "number",
        "numbers",
        Number,
        numbers.move_to_main,
        numbers.delete_of,
        route="subaccounts:number_list",
        in_lists=True,
    ),
    Owned(
        "sender ID",
        "sender IDs",
        SenderId,
        sender_ids.move_to_main,
        sender_ids.delete_of,
        route="subaccounts:sender_id_list",
    ),
    Owned(
        "endpoint",
        "endpoints",
        Endpoint,
        endpoints.move_to_main,
        endpoints.delete_of,
        route="subaccounts:endpoint_list",
    ),
    Owned(
        "application",
        "applications",
        Application,
        applications.move_to_main,
        applications.delete_of,
        route="subaccounts:application_list",
        in_lists=True,
    ),
)
