"""Auth Tokens, of which only digests are kept."""

import uuid
from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models.tenants import ApiIdentity
from accounts.models.users import User
from console.core.fields import CidrField


class Credential(models.Model):
    """One Auth Token of an identity. Only its SHA-256 is kept; the token itself is shown once."""

    class Kind(models.TextChoices):
        """Primary tokens open everything; named ones what they were made for."""

        PRIMARY = "primary", "Auth Token"
        NAMED = "named", "Named token"

    class End(models.TextChoices):
        """Why a token ended, when neither its time was over nor somebody revoked it."""

        LEAKED = "leaked", "Found in public"
        BURNED = "burned", "Burned by who held it"
        LEFT = "left", "Its maker left"

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
    # The end about which was warned a day and an hour before it; another end is warned about again.
    warned_day_before = models.DateTimeField(null=True)
    warned_hour_before = models.DateTimeField(null=True)
    # Of named tokens. No permissions means a primary token, which opens everything; no cidrs, from anywhere.
    permissions = ArrayField(models.CharField(max_length=40), null=True)
    cidrs = ArrayField(CidrField(), null=True)
    # The end the maker asked for; ``ends_at`` is never later, and earlier when the account's policy says so.
    asked_ends_at = models.DateTimeField(null=True)
    # The least number of days before the end of which was warned.
    warned_days = models.PositiveSmallIntegerField(null=True)
    end_reason = models.CharField(max_length=10, choices=End, default="", db_default="", blank=True)

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
            models.CheckConstraint(
                condition=Q(kind="primary", permissions=None, cidrs=None)
                | Q(kind="named", permissions__isnull=False, slot=None) & ~Q(name=""),
                name="credential_named_and_bounded",
            ),
        ]
        indexes = [
            models.Index(
                fields=["ends_at"], name="credential_due", condition=Q(ended_at=None) & ~Q(ends_at=None)
            ),
            models.Index(fields=["identity", "-made_at"], name="credential_named", condition=Q(kind="named")),
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


class TokenExtension(models.Model):
    """The one time that the end of a retiring token was put off; a second row has no place."""

    credential = models.OneToOneField(Credential, models.CASCADE, related_name="extension")
    made_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    ended_before = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("ended_before")), name="extension_is_later"),
        ]
