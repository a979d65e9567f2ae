"""What became of an account that was locked down, and what looked strange before."""

import uuid
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import EmailLink
from accounts.tenancy import TenantModel


def _someone(**options: Any) -> Any:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", **options
    )


class Lockdown(TenantModel):
    """One lock-down of an account, from the button to the reopening; ``counts`` says what it ended.

    ``link`` is the mailed link it came from, when nobody was signed in.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    begun_by = _someone()
    begun_at = models.DateTimeField(default=timezone.now)
    link = models.OneToOneField(EmailLink, models.SET_NULL, null=True, related_name="lockdown")
    counts = models.JSONField(default=dict)
    tokens_reopened_at = models.DateTimeField(null=True)
    closed_by = _someone(blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    handled_by = _someone(blank=True)
    handled_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=500, default="", blank=True)

    class Meta:
        verbose_name = "lock-down"
        constraints = [
            models.UniqueConstraint(fields=["account"], name="lockdown_one_open", condition=Q(closed_at=None))
        ]
        indexes = [models.Index(F("begun_at").desc(), name="lockdown_newest")]

    def __str__(self) -> str:
        return f"lock-down of {self.account}"

    @property
    def audit_label(self) -> str:
        """Name the row in the audit log."""
        return "Lock-down"


class LockdownStep(models.Model):
    """A step of the way back that somebody says is done."""

    lockdown = models.ForeignKey(Lockdown, models.CASCADE, related_name="steps")
    name = models.SlugField(max_length=20)
    done_by = _someone()
    done_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lockdown", "name"], name="lockdown_step_once")]


class MailCode(models.Model):
    """A six-digit code on its way to a mailbox, for one sign-in that must be proved more than usual."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="mail_codes")
    binding = models.CharField(max_length=64)
    digest = models.BinaryField(max_length=32)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user"], name="mail_code_one_live", condition=Q(ended_at=None))
        ]
        indexes = [models.Index(fields=["expires_at"], name="mail_code_kept")]


class Anomaly(TenantModel):
    """Something unusual in an account; one row for a kind, a subject and a day."""

    class Kind(models.TextChoices):
        """What is unusual."""

        NEW_COUNTRY = "new-country", "Sign-in from a new country"
        SPEND_SPIKE = "spend-spike", "Spend far above the usual"
        NEW_DESTINATION = "new-destination", "First use of a destination"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=20, choices=Kind)
    subject = models.CharField(max_length=60, default="")
    day = models.DateField()
    user = _someone()
    facts = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    noted_at = models.DateTimeField(default=timezone.now)
    acknowledged_by = _someone()
    acknowledged_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "anomalies"
        constraints = [
            models.UniqueConstraint(fields=["account", "kind", "subject", "day"], name="anomaly_once_a_day")
        ]
        indexes = [
            models.Index("account", F("noted_at").desc(), name="anomaly_of_account"),
            models.Index("noted_at", name="anomaly_kept"),
        ]

    def __str__(self) -> str:
        return str(self.get_kind_display())

    @property
    def audit_label(self) -> str:
        """Name the row in the audit log."""
        return str(self.get_kind_display())
