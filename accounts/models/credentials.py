"""Auth Tokens, of which only digests are kept."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models.tenants import ApiIdentity
from accounts.models.users import User


class Credential(models.Model):
    """One Auth Token of an identity. Only its SHA-256 is kept; the token itself is shown once."""

    class Kind(models.TextChoices):
        """Primary tokens open everything; named ones what they were made for."""

        PRIMARY = "primary", "Auth Token"
        NAMED = "named", "Named token"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    identity = models.ForeignKey(ApiIdentity, models.CASCADE, related_name="credentials")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.PRIMARY)
    slot = models.PositiveSmallIntegerField(null=True)
    name = models.CharField(max_length=100, default="", blank=True)
    prefix = models.CharField(max_length=16)
    last_four = models.CharField(max_length=4)
    digest = models.BinaryField(max_length=32, unique=True)
    made_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_ip = models.GenericIPAddressField(null=True)
    last_used_agent = models.CharField(max_length=300, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["identity", "slot"],
                name="credential_two_live_primary",
                condition=Q(kind="primary", ended_at=None),
            ),
            models.CheckConstraint(
                condition=~Q(kind="primary") | Q(slot__in=[1, 2]), name="credential_primary_slot"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("made_at")), name="credential_ended_after_made"
            ),
        ]
        indexes = [
            models.Index(
                fields=["ends_at"], name="credential_due", condition=Q(ended_at=None) & ~Q(ends_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}…{self.last_four}"

    @property
    def audit_label(self) -> str:
        """Name the token in the audit log without giving it away."""
        return str(self)

    def is_live(self, now: datetime) -> bool:
        """Say whether the token opens anything at the instant."""
        return self.ended_at is None and (self.ends_at is None or self.ends_at > now)
