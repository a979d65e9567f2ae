"""Keep each caller to the part of the account that it may reach."""

from typing import Any

from django.db.models import QuerySet

from accounts.tenancy import TenantModel
from console.core.access import Actor


def reachable(model: type[TenantModel], actor: Actor) -> QuerySet[Any]:
    """Return the account's rows of a model with a ``subaccount``; a subaccount's credentials reach its own alone."""
    rows = model.objects.of(actor.account)
    return rows if actor.subaccount_id is None else rows.filter(subaccount_id=actor.subaccount_id)


def own_subaccount(*, identity: str) -> str:
    """Return SQL for the id of the subaccount that an identity stands for; NULL is none, or a deleted one.

    ``identity`` is a column of the query around it. It is a part of the look-up of an API token: what keeps the
    credentials of a subaccount to its own costs no query.
    """
    return f"""(
  SELECT found.id FROM subaccounts_subaccount AS found
  WHERE found.identity_id = {identity} AND found.deleted_at IS NULL
)"""  # noqa: S608  # nosec B608 - the argument is written in the code
