"""Findings of the security check-up that somebody put off."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.tenancy import TenantModel


class CheckupSnooze(TenantModel):
    """A finding that need not be shown until an instant, with who decided so and why."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    check_name = models.SlugField(max_length=30)
    reason = models.CharField(max_length=200)
    until = models.DateTimeField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "check_name"], name="checkup_snooze_once", condition=Q(ended_at=None)
            )
        ]
        indexes = [models.Index("account", F("made_at").desc(), name="checkup_snooze_newest")]

    def __str__(self) -> str:
        return f"{self.check_name} until {self.until:%Y-%m-%d}"

    @property
    def audit_label(self) -> str:
        """Name the row in the audit log."""
        return "Security check-up"
