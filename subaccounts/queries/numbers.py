"""Look up numbers: those that are rented, and those that are free."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from console.core.access import Actor
from subaccounts.models import Application, InventoryNumber, Number, Subaccount
from subaccounts.queries.countries import country_name, dial_code
from subaccounts.queries.scope import reachable

PAGE = 25
MAIN = "main"
_LONGEST = 15
# One probe of the index for each country: counting a million free numbers would take a hundred times as long.
_COUNTRIES = """
WITH RECURSIVE step AS (
  (SELECT country_iso FROM subaccounts_inventorynumber WHERE free_at IS NOT NULL ORDER BY country_iso LIMIT 1)
  UNION ALL
  SELECT (
    SELECT next.country_iso FROM subaccounts_inventorynumber AS next
    WHERE next.free_at IS NOT NULL AND next.country_iso > step.country_iso ORDER BY next.country_iso LIMIT 1
  ) FROM step WHERE step.country_iso IS NOT NULL
)
SELECT country_iso FROM step WHERE country_iso IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the places in the list where the pages beside this one begin."""

    rows: list[Any] = field(default_factory=list)
    earlier: int | str | None = None
    later: int | str | None = None


def numbers_of(actor: Actor) -> QuerySet[Number]:
    """Return the numbers that the actor reaches, newest first, with what pages and the API show of them."""
    rows: QuerySet[Number] = reachable(Number, actor)
    return rows.select_related("account", "inventory", "subaccount", "application").order_by("-id")


def find_number(actor: Actor, number: str) -> Number | None:
    """Return one number that the actor reaches."""
    return numbers_of(actor).filter(number=number).first()


def page_of(
    actor: Actor,
    *,
    q: str = "",
    country: str = "",
    number_type: str = "",
    service: str = "",
    owner: str = "",
    before: int | None = None,
    after: int | None = None,
) -> Page:
    """Return the page before or after a place, else the newest one; one query."""
    rows = filter_owner(_matching(numbers_of(actor), q), owner)
    exact = {"inventory__country_iso": country, "inventory__number_type": number_type}
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    return keyset_page(rows.filter(_serving((service,) if service else ())), before=before, after=after)


def keyset_page(rows: QuerySet[Any], *, before: int | None, after: int | None, size: int = PAGE) -> Page:
    """Return a page of rows that are ordered by falling id."""
    if after is not None:
        found = list(rows.filter(pk__gt=after).order_by("pk")[: size + 1])
        shown = found[:size][::-1]
        later = shown[0].pk if len(found) > size else None
        return Page(shown, shown[-1].pk if shown else None, later)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: size + 1])
    shown = found[:size]
    earlier = shown[-1].pk if len(found) > size else None
    return Page(shown, earlier, shown[0].pk if shown and before is not None else None)


def _matching(rows: QuerySet[Number], text: str) -> QuerySet[Number]:
    digits = re.sub(r"[^0-9]", "", text)
    wanted = Q(alias__icontains=text)
    if digits and re.fullmatch(r"[0-9+().\-/ \u00a0]+", text):
        wanted |= Q(number__contains=digits)
    return rows.filter(wanted) if text else rows


def filter_owner(rows: QuerySet[Number], owner: str) -> QuerySet[Number]:
    """Keep the numbers of the main account, or of a subaccount by its Auth ID; an empty owner keeps all."""
    if owner == MAIN:
        return rows.filter(subaccount=None)
    return rows.filter(subaccount__auth_id=owner) if owner else rows


def filter_services(rows: QuerySet[Any], services: tuple[str, ...], *, prefix: str = "") -> QuerySet[Any]:
    """Keep the numbers that can do all of it."""
    return rows.filter(_serving(services, prefix=prefix))


def _serving(services: tuple[str, ...], *, prefix: str = "inventory__") -> Q:
    return Q(**{f"{prefix}has_{service}": True for service in services})


def starts_with(prefix: str) -> Q:
    """Compare as a range, which an index serves whatever the collation."""
    return Q(number__gte=prefix, number__lte=prefix.ljust(_LONGEST, "9"))


def applications_of(actor: Actor, owner: Subaccount | None) -> QuerySet[Application]:
    """Return the applications of one owner, by name."""
    return reachable(Application, actor).filter(subaccount=owner).order_by("name", "id")


def owners_of(actor: Actor) -> list[Subaccount]:
    """Return the live subaccounts of the account, by name."""
    return list(Subaccount.objects.of(actor.account).filter(deleted_at=None).order_by("name", "id"))


def has_numbers(actor: Actor) -> bool:
    """Say whether the actor reaches any number."""
    return reachable(Number, actor).exists()


# --- Free numbers ----------------------------------------------------------------------------


def free_countries() -> list[tuple[str, str]]:
    """Return the countries that have numbers to rent, as code and name, by name."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTRIES)
        found = [row[0] for row in cursor.fetchall()]
    return sorted(((iso, country_name(iso)) for iso in found), key=lambda pair: pair[1])


def free_numbers(
    *,
    country: str,
    now: datetime,
    number_type: str = "",
    area: str = "",
    services: tuple[str, ...] = (),
) -> QuerySet[InventoryNumber]:
    """Return free numbers of a country in their order; ``area`` is a prefix after its code, or a place."""
    rows = InventoryNumber.objects.filter(country_iso=country, free_at__lte=now)
    if number_type:
        rows = rows.filter(number_type=number_type)
    digits = re.sub(r"[^0-9]", "", area)
    if digits and not any(character.isalpha() for character in area):
        rows = rows.filter(starts_with((dial_code(country) + digits.lstrip("0"))[:_LONGEST]))
    elif area:
        rows = rows.filter(Q(city__istartswith=area) | Q(region__istartswith=area))
    return filter_services(rows, services).order_by("number")


def find_free(number: str, *, now: datetime) -> InventoryNumber | None:
    """Return a number that can be rented."""
    return InventoryNumber.objects.filter(number=number, free_at__lte=now).first()


def free_page(rows: QuerySet[InventoryNumber], *, place: str = "", size: int = PAGE) -> Page:
    """Return the free numbers from a place in their order on."""
    if place:
        rows = rows.filter(number__gte=place)
    found = list(rows[: size + 1])
    return Page(found[:size], earlier=found[size].number if len(found) > size else None)
