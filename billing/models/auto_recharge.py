"""What an account said about recharging by itself, and what stops it."""

import uuid
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.tenancy import TenantModel


class AutoRecharge(TenantModel):
    """Charge the default card when the balance falls below ``threshold``, within caps.

    ``paused_at`` is a stop that only a person ends; until ``rests_until`` it stops by itself.
    """

    class Pause(models.TextChoices):
        """Why a person must look."""

        BRAKE = "brake", "3 recharges within 10 minutes"
        LOCK_DOWN = "lock-down", "The account was locked down"
        NO_CARD = "no-card", "There is no card"

    class Rest(models.TextChoices):
        """Why nothing is charged for a while."""

        DECLINED = "declined", "The card was declined"
        DAY = "day", "The cap of the day is reached"
        WEEK = "week", "The cap of the week is reached"
        MONTH = "month", "The cap of the month is reached"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    is_on = models.BooleanField(default=True)
    threshold = models.DecimalField(max_digits=12, decimal_places=2)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    day_cap = models.DecimalField(max_digits=12, decimal_places=2)
    week_cap = models.DecimalField(max_digits=12, decimal_places=2)
    month_cap = models.DecimalField(max_digits=12, decimal_places=2)
    paused_at = models.DateTimeField(null=True)
    pause_reason = models.CharField(max_length=10, choices=Pause, default="", blank=True)
    rests_until = models.DateTimeField(null=True)
    rest_reason = models.CharField(max_length=10, choices=Rest, default="", blank=True)
    brake_from = models.DateTimeField(null=True)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account"], name="auto_recharge_once"),
            models.CheckConstraint(
                condition=Q(threshold__gte=0)
                & Q(amount__gt=0)
                & Q(day_cap__gte=F("amount"))
                & Q(week_cap__gte=F("day_cap"))
                & Q(month_cap__gte=F("week_cap")),
                name="auto_recharge_amounts",
            ),
        ]
        indexes = [
            models.Index(
                fields=["account"], name="auto_recharge_awake", condition=Q(is_on=True, paused_at=None)
            ),
        ]

    @property
    def audit_label(self) -> str:
        """Name the rule in the audit log."""
        return f"{self.amount} USD below {self.threshold} USD"

    @property
    def caps(self) -> dict[str, Decimal]:
        """Return the caps by their period."""
        return {"day": self.day_cap, "week": self.week_cap, "month": self.month_cap}

    def is_resting(self, now: datetime) -> bool:
        """Say whether nothing is charged for a while."""
        return self.rests_until is not None and self.rests_until > now
