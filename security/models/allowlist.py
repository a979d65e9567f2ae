"""The IP allowlist of an account."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.tenancy import TenantModel
from console.core.fields import CidrField


class AllowlistAccess(models.Model):
    """Whether the account may use an IP allowlist, and how the newest change of its mode stands.

    The mode itself is ``Account.allowlist_mode``, because each API call reads that row anyway.
    """

    class State(models.TextChoices):
        """How the request for access stands."""

        NONE = "none", "Not asked for"
        REQUESTED = "requested", "Requested"
        APPROVED = "approved", "Approved"
        DECLINED = "declined", "Declined"

    account = models.OneToOneField("accounts.Account", models.CASCADE, related_name="allowlist_access")
    state = models.CharField(max_length=10, choices=State, default=State.NONE)
    reason = models.CharField(max_length=500, default="")
    addresses = models.PositiveIntegerField(default=0)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    requested_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=500, default="", blank=True)
    mode_since = models.DateTimeField(null=True, blank=True)
    confirm_by = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "allowlist request"
        indexes = [
            models.Index(fields=["confirm_by"], name="allowlist_due", condition=~Q(confirm_by=None)),
        ]

    def __str__(self) -> str:
        return f"IP allowlist of {self.account}"

    @property
    def audit_label(self) -> str:
        """Name the list in the audit log."""
        return "IP allowlist"


class AllowlistEntry(TenantModel):
    """A network whose callers the allowlist lets in, until ``expires_at`` if that is set."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    network = CidrField()
    label = models.CharField(max_length=100, default="", blank=True)
    expires_at = models.DateTimeField(null=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "network"], name="allowlist_entry_once"),
        ]

    def __str__(self) -> str:
        return str(self.network)

    @property
    def audit_label(self) -> str:
        """Name the entry in the audit log."""
        return f"{self.network} {self.label}".strip()

    def is_live(self, now: datetime) -> bool:
        """Say whether the entry lets anybody in at the instant."""
        return self.expires_at is None or self.expires_at > now
