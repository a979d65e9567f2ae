"""Saved cards, and money that they bring in: our side of what Stripe keeps."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.tenancy import TenantModel
from console.core.outbox import Work

_REASONS: Mapping[str, str] = {
    "insufficient_funds": "the card has too little money",
    "expired_card": "the card has ended",
    "authentication_required": "the bank wants you to confirm it yourself",
    "payment_intent_authentication_failure": "the bank did not get your confirmation",
    "lost_card": "the bank declined the card",
    "not_confirmed": "it was not confirmed within a day",
    "no_answer": "Stripe gave no answer within a day",
}


class PaymentCustomer(TenantModel):
    """The account as a customer at Stripe; the row is there before the customer is."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    customer_id = models.CharField(max_length=64, default="")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account"], name="payment_customer_once"),
            models.UniqueConstraint(
                fields=["customer_id"], name="payment_customer_id", condition=~Q(customer_id="")
            ),
        ]


class Card(TenantModel):
    """A card that Stripe keeps; of its number we know the last four digits. A removed one stays for receipts."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    method_id = models.CharField(max_length=64, unique=True)
    brand = models.CharField(max_length=20)
    last_four = models.CharField(max_length=4)
    expires_month = models.PositiveSmallIntegerField()
    expires_year = models.PositiveSmallIntegerField()
    is_default = models.BooleanField(default=False)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)
    removed_at = models.DateTimeField(null=True)
    forgotten_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"], name="card_one_default", condition=Q(is_default=True, removed_at=None)
            ),
        ]
        indexes = [
            models.Index(
                fields=["removed_at"],
                name="card_to_forget",
                condition=Q(removed_at__isnull=False, forgotten_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.brand_name} ending {self.last_four}"

    @property
    def audit_label(self) -> str:
        """Name the card in the audit log."""
        return str(self)

    @property
    def brand_name(self) -> str:
        """Return the brand as people write it."""
        return {"amex": "American Express"}.get(self.brand, self.brand.title())

    @property
    def ends(self) -> str:
        """Return the month in which it ends, as it stands on the card."""
        return f"{self.expires_month:02d}/{self.expires_year % 100:02d}"

    def ends_by(self, day: Any) -> bool:
        """Say whether the card ends in the month of the day, or ended before."""
        return (self.expires_year, self.expires_month) <= (day.year, day.month)


class CardSetup(TenantModel):
    """A card on its way to be saved: the person types it into Stripe's form, and Stripe says what became of it."""

    class State(models.TextChoices):
        """How far it is."""

        OPEN = "open", "Open"
        SAVED = "saved", "Saved"
        FAILED = "failed", "Failed"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    intent_id = models.CharField(max_length=64, default="")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    card = models.ForeignKey(Card, models.SET_NULL, null=True, related_name="+")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)


class Recharge(TenantModel):
    """Money that a card brings in: written down before Stripe is asked, and done again by its own id until it is known.

    ``check_at`` is when it is looked at next; whoever looks moves it on, so that one worker looks at a time.
    """

    class State(models.TextChoices):
        """How far it is."""

        REQUESTED = "requested", "Under way"
        NEEDS_ACTION = "needs-action", "Waits for your bank"
        SUCCEEDED = "succeeded", "Paid"
        FAILED = "failed", "Declined"
        CANCELED = "canceled", "Canceled"

    OPEN = (State.REQUESTED, State.NEEDS_ACTION)

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    state = models.CharField(max_length=20, choices=State, default=State.REQUESTED)
    card = models.ForeignKey(Card, models.SET_NULL, null=True, related_name="recharges")
    is_automatic = models.BooleanField(default=False)
    intent_id = models.CharField(max_length=64, default="")
    failure = models.CharField(max_length=60, default="")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True)
    check_at = models.DateTimeField(null=True)
    looks = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="recharge_amount"),
            models.UniqueConstraint(
                fields=["account"],
                name="recharge_one_automatic",
                condition=Q(is_automatic=True, state__in=["requested", "needs-action"]),
            ),
            models.UniqueConstraint(fields=["intent_id"], name="recharge_intent", condition=~Q(intent_id="")),
            models.CheckConstraint(
                condition=Q(state__in=["requested", "needs-action"], settled_at=None)
                | Q(state__in=["succeeded", "failed", "canceled"], settled_at__isnull=False),
                name="recharge_settled",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-made_at"], name="recharge_of_account"),
            models.Index(fields=["check_at"], name="recharge_to_check", condition=~Q(check_at=None)),
        ]

    @property
    def audit_label(self) -> str:
        """Name the recharge in the audit log."""
        return f"Recharge of {self.amount} USD"

    @property
    def key(self) -> str:
        """Return the name under which the ledger has it, once."""
        return f"recharge:{self.public_id}"

    @property
    def is_open(self) -> bool:
        """Say whether it is not known yet what becomes of it."""
        return self.state in self.OPEN

    @property
    def reason(self) -> str:
        """Say why no money came in, as a part of a sentence."""
        return _REASONS.get(self.failure, "the bank declined the card") if self.failure else ""

    @classmethod
    def take(cls, pk: int, *, now: datetime, seconds: int) -> "Recharge | None":
        """Take the recharge for one worker, or return None when it is settled, held or not due."""
        rows = cls.unscoped.filter(pk=pk, state__in=cls.OPEN, check_at__lte=now)
        taken = rows.update(check_at=now + timedelta(seconds=seconds), looks=F("looks") + 1)
        return cls.unscoped.select_related("account", "card").get(pk=pk) if taken else None


class StripeEvent(Work):
    """That Stripe told us about something, once for each event; what it is now is asked when it is worked on."""

    event_id = models.CharField(max_length=255, unique=True)
    kind = models.CharField(max_length=100)
    object_id = models.CharField(max_length=255)
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="stripe_event_due", condition=Work.waiting()),
            models.Index(fields=["received_at"], name="stripe_event_received"),
        ]
