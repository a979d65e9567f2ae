"""Accounts inside accounts."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiIdentity
from accounts.tenancy import TenantModel
from console.core.fields import CidrField


class Subaccount(TenantModel):
    """A part of an account with credentials of its own and no money of its own.

    ``identity`` says whether it is enabled and holds its Auth Tokens; a deleted one keeps its row, because usage and
    invoices name it.
    """

    identity = models.OneToOneField(ApiIdentity, models.PROTECT, related_name="subaccount")
    auth_id = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now)
    # Addresses that may call with its credentials, within those of the account's own list; None is any.
    networks = ArrayField(CidrField(), null=True)
    modified_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(auth_id__regex=r"^SA[A-Z0-9]{18}$"), name="subaccount_auth_id"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="subaccount_named"),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="subaccount_live", condition=Q(deleted_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.auth_id})"

    @property
    def audit_label(self) -> str:
        """Name the subaccount in the audit log."""
        return self.name
