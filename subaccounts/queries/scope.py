"""Keep each caller to the part of the account that it may reach."""

from typing import Any

from django.db.models import QuerySet

from accounts.tenancy import TenantModel
from console.core.access import Actor


def reachable(model: type[TenantModel], actor: Actor) -> QuerySet[Any]:
    """Return the account's rows of a model with a ``subaccount``; a subaccount's credentials reach its own alone."""
    rows = model.objects.of(actor.account)
    return rows if actor.subaccount_id is None else rows.filter(subaccount_id=actor.subaccount_id)
