"""Look up applications and endpoints: one by its id, and pages of them by search and owner."""

import re
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import Account
from console.core.access import Actor
from subaccounts.models import Application, Endpoint, Number
from subaccounts.queries.scope import reachable
from subaccounts.queries.subaccounts import live_subaccounts

PAGE = 25
MAIN = "main"
_MOST_CHOICES = 500
Owned = Application | Endpoint


@dataclass(frozen=True, slots=True)
class ResourcePage:
    """Some rows, and the places in the list where the pages beside this one begin."""

    rows: list[Any]
    earlier: int | None = None
    later: int | None = None


@dataclass(frozen=True, slots=True)
class Users:
    """How much leans on an application."""

    endpoints: int
    numbers: int


def find_application(actor: Actor, app_id: str) -> Application | None:
    """Return one application that the actor reaches."""
    if not re.fullmatch(r"[0-9]{17}", app_id):
        return None
    rows: QuerySet[Application] = reachable(Application, actor).select_related("subaccount")
    return rows.filter(app_id=app_id).first()


def find_endpoint(actor: Actor, endpoint_id: str) -> Endpoint | None:
    """Return one endpoint that the actor reaches."""
    if not re.fullmatch(r"[0-9]{14}", endpoint_id):
        return None
    rows: QuerySet[Endpoint] = reachable(Endpoint, actor).select_related("subaccount", "application")
    return rows.filter(endpoint_id=endpoint_id).first()


def users_of(application: Application) -> Users:
    """Count the endpoints and numbers of the application."""
    return Users(application.endpoints.count(), application.numbers.count())


def application_page(
    actor: Actor, *, q: str = "", owner: str = "", before: int | None = None, after: int | None = None
) -> ResourcePage:
    """Return a page of applications, newest first, with the number of what leans on each."""
    rows: QuerySet[Application] = reachable(Application, actor).select_related("subaccount")
    if q:
        rows = rows.filter(Q(name__icontains=q) | Q(app_id=q))
    rows = rows.annotate(endpoint_count=_count(Endpoint), number_count=_count(Number))
    return _page(_owned_by(rows, owner), before=before, after=after)


def _count(model: type[Endpoint] | type[Number]) -> Coalesce:
    rows = model.unscoped.filter(application=OuterRef("pk")).order_by()
    number = rows.values("application").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(number, output_field=IntegerField()), 0)


def endpoint_page(
    actor: Actor, *, q: str = "", owner: str = "", before: int | None = None, after: int | None = None
) -> ResourcePage:
    """Return a page of endpoints, newest first."""
    rows: QuerySet[Endpoint] = reachable(Endpoint, actor).select_related("subaccount", "application")
    if q:
        rows = rows.filter(Q(username__icontains=q) | Q(alias__icontains=q) | Q(endpoint_id=q))
    return _page(_owned_by(rows, owner), before=before, after=after)


def _owned_by(rows: QuerySet[Any], owner: str) -> QuerySet[Any]:
    if owner == MAIN:
        return rows.filter(subaccount=None)
    return rows.filter(subaccount__auth_id=owner) if owner else rows


def _page(rows: QuerySet[Any], *, before: int | None, after: int | None) -> ResourcePage:
    """Return the page before or after a place, else the newest one; one query."""
    if after is not None:
        found = list(rows.filter(pk__gt=after).order_by("pk")[: PAGE + 1])
        shown = found[:PAGE][::-1]
        later = shown[0].pk if len(found) > PAGE else None
        return ResourcePage(shown, shown[-1].pk if shown else None, later)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: PAGE + 1])
    shown = found[:PAGE]
    earlier = shown[-1].pk if len(found) > PAGE else None
    return ResourcePage(shown, earlier, shown[0].pk if shown and before is not None else None)


def owner_choices(account: Account) -> list[tuple[str, str]]:
    """Return the main account and its subaccounts by name, for forms: Auth ID and words."""
    rows = live_subaccounts(account).order_by("name", "pk").values_list("auth_id", "name")
    return [(MAIN, "Main account"), *rows]


def application_choices(actor: Actor, *, owner: Owned | None = None) -> list[tuple[str, str]]:
    """Return the newest applications for forms: id and name; those of one owner, or all with their owners' names."""
    rows: QuerySet[Application] = reachable(Application, actor).select_related("subaccount")
    if owner is not None:
        rows = rows.filter(subaccount=owner.subaccount)
        return [(row.app_id, row.name) for row in rows.order_by("-pk")[:_MOST_CHOICES]]
    return [(row.app_id, f"{row.name}, {_owner_words(row)}") for row in rows.order_by("-pk")[:_MOST_CHOICES]]


def _owner_words(row: Owned) -> str:
    return row.subaccount.name if row.subaccount else "main account"
