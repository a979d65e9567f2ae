"""Money that moved: the append-only ledger, the balance it adds up to, and sums of it by day."""

import uuid
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Account
from accounts.tenancy import TenantModel
from subaccounts.models import Subaccount

_CENT = Decimal("0.01")


class LedgerEntry(TenantModel):
    """One movement of money, in US dollars with five places; never changed, never deleted.

    ``cause`` names what made it, such as ``recharge:<public id>``; ``service`` says which traffic a usage entry pays
    for. The database refuses an entry whose ``balance_after`` is not that of the entry before plus ``amount``.
    """

    class Kind(models.TextChoices):
        """Why the money moved."""

        TRIAL_CREDIT = "trial-credit", "Trial credit"
        RECHARGE = "recharge", "Recharge"
        USAGE = "usage", "Usage"
        RENTAL = "rental", "Number rental"
        REFUND = "refund", "Refund"
        ADJUSTMENT = "adjustment", "Adjustment"

    class Service(models.TextChoices):
        """What kind of traffic was paid for."""

        CALL = "call", "Calls"
        MESSAGE = "message", "Messages"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    subaccount = models.ForeignKey(
        Subaccount, models.PROTECT, null=True, db_index=False, related_name="ledger_entries"
    )
    kind = models.CharField(max_length=20, choices=Kind)
    service = models.CharField(max_length=8, choices=Service, default="", db_default="", blank=True)
    cause = models.CharField(max_length=80, default="", db_default="", blank=True)
    amount = models.DecimalField(max_digits=18, decimal_places=5)
    balance_after = models.DecimalField(max_digits=18, decimal_places=5)
    note = models.CharField(max_length=200, default="")
    idempotency_key = models.CharField(max_length=120)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "idempotency_key"], name="ledger_key_once"),
            models.CheckConstraint(condition=~Q(amount=0), name="ledger_amount_moves"),
            models.CheckConstraint(
                condition=Q(kind="adjustment")
                | Q(kind__in=["trial-credit", "recharge"], amount__gt=0)
                | Q(kind__in=["usage", "rental", "refund"], amount__lt=0),
                name="ledger_sign",
            ),
            models.CheckConstraint(
                condition=Q(service="") | Q(kind="usage", service__in=["call", "message"]),
                name="ledger_service_of_usage",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="ledger_of_account"),
            models.Index(fields=["account", "-at"], name="ledger_by_time"),
        ]

    @property
    def audit_label(self) -> str:
        """Name the entry in the audit log."""
        return f"{self.get_kind_display()} of {self.amount} USD"

    @property
    def title(self) -> str:
        """Name the entry on the statement: usage by what was used."""
        return self.get_service_display() or self.get_kind_display()

    @property
    def is_below_a_cent(self) -> bool:
        """Say whether two places would show nothing."""
        return abs(self.amount) < _CENT


class Balance(models.Model):
    """The sum of an account's ledger, kept beside it under one lock; at a commit the database compares the two."""

    account = models.OneToOneField(
        "accounts.Account", models.CASCADE, primary_key=True, related_name="balance"
    )
    amount = models.DecimalField(max_digits=18, decimal_places=5, default=0)
    updated_at = models.DateTimeField(default=timezone.now)


class LedgerDay(TenantModel):
    """The sums of a day in the account's time zone, kept by the database as entries are appended."""

    account: Any = models.ForeignKey(Account, models.CASCADE, db_index=False, related_name="+")
    day = models.DateField()
    kind = models.CharField(max_length=20, choices=LedgerEntry.Kind)
    service = models.CharField(max_length=8, choices=LedgerEntry.Service, default="", blank=True)
    subaccount = models.ForeignKey(Subaccount, models.PROTECT, null=True, db_index=False, related_name="+")
    amount = models.DecimalField(max_digits=18, decimal_places=5)
    entries = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "day", "kind", "service", "subaccount"],
                name="ledger_day_once",
                nulls_distinct=False,
            ),
        ]


class LedgerCheck(models.Model):
    """One proof that every balance is the sum of its ledger; ``problems`` names the accounts where it is not."""

    at = models.DateTimeField(default=timezone.now)
    accounts = models.BigIntegerField()
    entries = models.BigIntegerField()
    problems = models.JSONField(default=list)
    took_seconds = models.FloatField()

    class Meta:
        indexes = [models.Index(fields=["-at"], name="ledger_check_newest")]

    @property
    def is_good(self) -> bool:
        """Say whether everything added up."""
        return not self.problems
