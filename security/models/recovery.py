"""Getting back in after every factor is lost."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class RecoveryRequest(models.Model):
    """A person asks the provider's staff to remove every lost factor, so that new ones can be added.

    One staff member verifies who asks, which starts the waiting time; another one approves. After both the
    person gets a link. A row without ``closed_at`` is open; a person has one at most.
    """

    class State(models.TextChoices):
        """How far the request is."""

        ASKED = "asked", "Mail not confirmed"
        CONFIRMED = "confirmed", "Waits for verification"
        VERIFIED = "verified", "Waits for approval"
        APPROVED = "approved", "Approved"
        READY = "ready", "Link sent"
        USED = "used", "Done"
        CANCELLED = "cancelled", "Cancelled"
        REJECTED = "rejected", "Rejected"
        EXPIRED = "expired", "Expired"

    class Evidence(models.TextChoices):
        """By what the first staff member knew the person."""

        CALL = "call", "Call to a number known from before the request"
        VIDEO = "video", "Video call with an identity document"
        OWNER = "owner", "Confirmation by the owner or another admin of the account"
        INVOICE = "invoice", "Details of payments and invoices that only the customer has"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="recovery_requests")
    email = models.EmailField(max_length=254)
    state = models.CharField(max_length=10, choices=State, default=State.ASKED)
    story = models.CharField(max_length=1000)
    asked_at = models.DateTimeField()
    asked_from = models.GenericIPAddressField(null=True)
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    verified_at = models.DateTimeField(null=True)
    evidence = models.CharField(max_length=10, choices=Evidence, default="", blank=True)
    note = models.CharField(max_length=1000, default="", blank=True)
    waits_until = models.DateTimeField(null=True)
    notice_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_at = models.DateTimeField(null=True)
    link_number = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=10, default="", blank=True)
    reason = models.CharField(max_length=500, default="", blank=True)

    class Meta:
        verbose_name = "recovery request"
        permissions = [
            ("verify_recovery", "Can verify who asks for recovery"),
            ("approve_recovery", "Can approve a verified recovery"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["user"], name="recovery_one_open", condition=Q(closed_at=None)),
            models.CheckConstraint(
                condition=Q(approved_by=None)
                | (Q(verified_by__isnull=False) & ~Q(verified_by=F("approved_by"))),
                name="recovery_two_people",
            ),
            models.CheckConstraint(
                condition=(Q(verified_by=None) | ~Q(verified_by=F("user")))
                & (Q(approved_by=None) | ~Q(approved_by=F("user"))),
                name="recovery_not_oneself",
            ),
            models.CheckConstraint(
                condition=(Q(link_number=0) & Q(used_at=None)) | Q(approved_by__isnull=False),
                name="recovery_approved_first",
            ),
            models.CheckConstraint(
                condition=Q(used_at=None) | (Q(waits_until__isnull=False) & Q(used_at__gte=F("waits_until"))),
                name="recovery_waited",
            ),
        ]
        indexes = [
            models.Index(fields=["asked_at"], name="recovery_open", condition=Q(closed_at=None)),
            models.Index(fields=["user", "used_at"], name="recovery_used", condition=~Q(used_at=None)),
        ]

    def __str__(self) -> str:
        return f"recovery of {self.user}"

    @property
    def audit_label(self) -> str:
        """Name the request in the audit log."""
        return f"Recovery of {self.user.audit_label}"

    @property
    def is_open(self) -> bool:
        """Say whether something may still come of it."""
        return self.closed_at is None
