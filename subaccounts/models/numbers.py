"""Numbers that accounts rent."""

import uuid
from datetime import date

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.tenancy import TenantModel
from subaccounts.models.inventory import InventoryNumber
from subaccounts.models.subaccounts import Subaccount


class Number(TenantModel):
    """A rented number; the row ends with the rental, the audit log and the ledger remember it.

    ``renewal_date`` is the day on which the next month begins and is paid. ``overdue_since`` is the day on which
    that could not be paid; ``due_at`` is when the renewal looks at the row next.
    """

    class Notice(models.IntegerChoices):
        """How far the people were told that the rent is not paid."""

        NONE = 0, "Nothing to tell"
        TOLD = 1, "Told"
        WARNED = 2, "Warned of the end"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    inventory = models.OneToOneField(InventoryNumber, models.PROTECT, related_name="rental")
    subaccount = models.ForeignKey(Subaccount, models.RESTRICT, null=True, related_name="numbers")
    application = models.ForeignKey(
        "subaccounts.Application", models.SET_NULL, null=True, related_name="numbers"
    )
    number = models.CharField(max_length=15, unique=True)
    alias = models.CharField(max_length=100, default="")
    cnam_lookup = models.BooleanField(default=False)
    monthly_amount = models.DecimalField(max_digits=10, decimal_places=5)
    rented_at = models.DateTimeField(default=timezone.now)
    renewal_date = models.DateField()
    overdue_since = models.DateField(null=True)
    notice = models.PositiveSmallIntegerField(choices=Notice, default=Notice.NONE)
    due_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(monthly_amount__gte=0), name="number_amount"),
            models.CheckConstraint(
                condition=Q(overdue_since=None, notice=0) | Q(overdue_since__isnull=False, notice__gt=0),
                name="number_overdue_is_told",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="number_of_account"),
            models.Index(fields=["subaccount", "-id"], name="number_of_subaccount"),
            models.Index(fields=["due_at"], name="number_due"),
        ]

    def __str__(self) -> str:
        return f"+{self.number}"

    @property
    def audit_label(self) -> str:
        """Name the number in the audit log."""
        return f"+{self.number}"

    @property
    def rented_on(self) -> date:
        """Return the day, in UTC, on which the first month began."""
        return self.rented_at.date()
