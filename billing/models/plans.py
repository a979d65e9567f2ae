"""Committed plans."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.tenancy import TenantModel


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
