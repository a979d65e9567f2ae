"""Money that moved: the append-only ledger, and the balance it adds up to."""

import uuid

from django.db import models
from django.db.models import Q
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
