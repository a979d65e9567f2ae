"""Money: the append-only ledger, the balance it adds up to, and committed plans."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.tenancy import TenantModel


class LedgerEntry(TenantModel):
    """One movement of money, in US dollars with five places; never changed, never deleted."""

    class Kind(models.TextChoices):
        """Why the money moved."""

        TRIAL_CREDIT = "trial-credit", "Trial credit"
        RECHARGE = "recharge", "Recharge"
        USAGE = "usage", "Usage"
        RENTAL = "rental", "Number rental"
        REFUND = "refund", "Refund"
        ADJUSTMENT = "adjustment", "Adjustment"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=20, choices=Kind)
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
        ]
        indexes = [models.Index(fields=["account", "-id"], name="ledger_of_account")]


class Balance(models.Model):
    """The sum of an account's ledger, kept beside it under one lock."""

    account = models.OneToOneField(
        "accounts.Account", models.CASCADE, primary_key=True, related_name="balance"
    )
    amount = models.DecimalField(max_digits=18, decimal_places=5, default=0)
    updated_at = models.DateTimeField(default=timezone.now)


class Plan(TenantModel):
    """A committed spend a month for a term; while one runs, the account may have a team."""

    class Stage(models.TextChoices):
        """How far the people were told about the end."""

        RUNNING = "running", "Running"
        GRACE = "grace", "Ended, the team may read"
        CLOSING = "closing", "Ended, the team is about to be suspended"
        OVER = "over", "Over"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    monthly_amount = models.DecimalField("commitment a month, in US dollars", max_digits=12, decimal_places=2)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    stage = models.CharField(max_length=10, choices=Stage, default=Stage.RUNNING, editable=False)
    reason = models.CharField(max_length=200)
    made_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(monthly_amount__gt=0), name="plan_amount"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="plan_lasts"),
        ]
        indexes = [
            models.Index(fields=["account", "-ends_at"], name="plan_of_account"),
            models.Index(fields=["ends_at"], name="plan_to_tell", condition=~Q(stage="over")),
        ]

    def __str__(self) -> str:
        return f"Plan of {self.account}"

    @property
    def audit_label(self) -> str:
        """Name the plan in the audit log."""
        return f"USD {self.monthly_amount} a month"
