"""Names that stand in the place of a number when a message arrives."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.tenancy import TenantModel
from subaccounts.models.subaccounts import Subaccount


class SenderId(TenantModel):
    """A name that an account asked to send messages under in one country, and what staff decided."""

    class State(models.TextChoices):
        """How the request stands."""

        REQUESTED = "requested", "Waits for a decision"
        APPROVED = "approved", "Whitelisted"
        DECLINED = "declined", "Declined"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    subaccount = models.ForeignKey(Subaccount, models.RESTRICT, null=True, related_name="sender_ids")
    sender = models.CharField("sender ID", max_length=11)
    country_iso = models.CharField("country", max_length=2)
    purpose = models.CharField(max_length=300)
    state = models.CharField(max_length=10, choices=State, default=State.REQUESTED)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    requested_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=500, default="", blank=True)

    class Meta:
        verbose_name = "sender ID"
        verbose_name_plural = "sender IDs"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "subaccount", "sender", "country_iso"],
                name="sender_id_once",
                condition=~Q(state="declined"),
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(sender__regex=r"^(?=.*[A-Za-z])[A-Za-z0-9]([A-Za-z0-9 ]{1,9})[A-Za-z0-9]$"),
                name="sender_id_letters",
            ),
            models.CheckConstraint(condition=Q(country_iso__regex=r"^[A-Z]{2}$"), name="sender_id_country"),
            models.CheckConstraint(
                condition=Q(state="requested", decided_at=None)
                | (~Q(state="requested") & Q(decided_at__isnull=False)),
                name="sender_id_decided",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="sender_id_of_account"),
            models.Index(fields=["requested_at"], name="sender_id_queue", condition=Q(state="requested")),
        ]

    def __str__(self) -> str:
        return f"{self.sender} in {self.country_iso}"

    @property
    def audit_label(self) -> str:
        """Name the sender ID in the audit log."""
        return f"{self.sender} ({self.country_iso})"
