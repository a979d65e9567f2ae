"""Balance alerts: amounts that are watched, what was told about them, who else is told, and how far the sweep came."""

import uuid
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.tenancy import TenantModel
from console.core.models import OutgoingMail


def plain_dollars(amount: Decimal) -> str:
    """Write an amount in dollars, without cents when there are none."""
    return f"${amount:,.0f}" if amount == amount.to_integral_value() else f"${amount:,.2f}"


class AlertThreshold(TenantModel):
    """An amount of which somebody hears when the balance falls below it; it changes under the lock of the balance.

    It fires once and is armed again when the balance rises 10 % above it, or a recharge reaches it. ``fired_at`` is
    empty for one that began below its amount: nobody was told, so nobody hears that it is over.
    """

    class State(models.TextChoices):
        """Whether the next fall is told."""

        ARMED = "armed", "Armed"
        FIRED = "fired", "Fired"

    amount = models.DecimalField(max_digits=12, decimal_places=2)
    is_custom = models.BooleanField(default=False)
    state = models.CharField(max_length=5, choices=State)
    fired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "amount"], name="alert_threshold_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="alert_threshold_amount"),
            models.CheckConstraint(
                condition=Q(state="fired") | Q(fired_at=None), name="alert_threshold_fired"
            ),
        ]

    @property
    def audit_label(self) -> str:
        """Name the amount in the audit log."""
        return f"{self.amount} USD"


class BalanceAlert(TenantModel):
    """One thing that was told: the balance fell below an amount, is back above it, or somebody asked for a test."""

    class Kind(models.TextChoices):
        """What was told."""

        FELL = "fell", "Below"
        RECOVERED = "recovered", "Back above"
        TEST = "test", "Test"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    amount = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    balance = models.DecimalField(max_digits=18, decimal_places=5)
    at = models.DateTimeField(default=timezone.now)
    mails = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["account", "-at"], name="balance_alert_newest")]

    @property
    def title(self) -> str:
        """Say in a few words what was told."""
        amount = f" {plain_dollars(self.amount)}" if self.amount is not None else ""
        return f"{self.get_kind_display()}{amount}"

    @property
    def audit_label(self) -> str:
        """Name the alert in the audit log."""
        return self.title


class AlertRecipient(TenantModel):
    """An address outside the team that hears of the balance once it is confirmed, until it says stop or bounces.

    ``mail`` is the newest mail to it whose fate is not known yet; a sweep looks and lets go of it.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    email = models.EmailField(max_length=254)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)
    link_sent_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(null=True)
    mail = models.ForeignKey(OutgoingMail, models.SET_NULL, null=True, db_index=False, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint("account", Lower("email"), name="alert_recipient_once")]
        indexes = [
            models.Index(fields=["mail"], name="alert_recipient_open", condition=Q(mail__isnull=False))
        ]

    @property
    def audit_label(self) -> str:
        """Name the address in the audit log."""
        return self.email


class AlertSweep(models.Model):
    """How far the sweep has read the ledger: one row. It begins each time where the sweep before the last one ended."""

    at = models.DateTimeField(default=timezone.now)
    entry_id = models.BigIntegerField(default=0)
    before_entry_id = models.BigIntegerField(default=0)
