"""Give every tenant table one way in: through its account."""

from typing import Any

from django.db import models
from django.db.models.manager import BaseManager


class TenantManager(BaseManager):
    """Lead every query through an account; there is no filter() to misuse."""

    _queryset_class = models.QuerySet

    def of(self, account: models.Model) -> models.QuerySet[Any]:
        """Return the rows of the account."""
        return self.get_queryset().filter(account=account)

    def create(self, *, account: models.Model, **fields: object) -> Any:
        """Create a row of the account."""
        return self.get_queryset().create(account=account, **fields)

    def all(self) -> models.QuerySet[Any]:
        """Refuse to leave the account."""
        raise TypeError("Use objects.of(account).")


class TenantModel(models.Model):
    """A row that belongs to one account."""

    account = models.ForeignKey("accounts.Account", models.CASCADE, related_name="%(class)ss")

    unscoped = models.Manager()  # default: relations, admin, tasks; never views or forms
    objects = TenantManager()

    class Meta:
        abstract = True
