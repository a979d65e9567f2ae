"""Name every kind of thing that a subaccount may own, and what becomes of it when the subaccount goes.

The module of each kind adds its line. ``move`` and ``delete`` run inside the transaction of the deletion, take
``actor``, ``subaccount`` and ``now`` by keyword, record one event with the count, and return the count.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.db.models import Count, IntegerField, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from accounts.tenancy import TenantModel


@dataclass(frozen=True, slots=True)
class Owned:
    """One kind: its words, its rows, and what is done with them. ``live`` leaves out rows that are history."""

    singular: str
    plural: str
    model: type[TenantModel]
    move: Callable[..., int]
    delete: Callable[..., int]
    live: Q = field(default_factory=Q)

    @property
    def key(self) -> str:
        """Name the count of this kind in queries and events."""
        return f"owned_{self.plural.replace(' ', '_').lower()}"

    def count(self) -> Coalesce:
        """Return the number of rows of each subaccount, as a part of a query of subaccounts."""
        rows = self.model.unscoped.filter(self.live, subaccount=OuterRef("pk")).order_by()
        number = rows.values("subaccount").annotate(number=Count("pk")).values("number")
        return Coalesce(Subquery(number, output_field=IntegerField()), 0)

    def words(self, number: int) -> str:
        """Say how many."""
        return f"{number:,} {self.singular if number == 1 else self.plural}"


# In the order in which they are deleted: what points to something goes before it.
OWNED: tuple[Owned, ...] = ()
