"""Who may do what: memberships, and invitations to become a member."""

import uuid
from datetime import datetime

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.tenancy import TenantModel
from teams.roles import Role


class Membership(TenantModel):
    """A user's membership of one account, with one role; for a while it may be raised to Admin."""

    public_id = models.UUIDField(default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)
    created_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(null=True, blank=True)
    # The end about which was written before it, and the one that was recorded: another end is told again.
    warned_end = models.DateTimeField(null=True, blank=True)
    recorded_end = models.DateTimeField(null=True, blank=True)
    suspended_at = models.DateTimeField(null=True, blank=True)
    raised_until = models.DateTimeField(null=True, blank=True)
    raised_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    raised_for = models.CharField(max_length=200, default="", db_default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="membership_once"),
            models.UniqueConstraint(
                fields=["account"], name="membership_one_owner", condition=Q(role="owner")
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role"),
            models.CheckConstraint(
                condition=~Q(role="owner") | Q(ends_at=None, raised_until=None), name="membership_owner_stays"
            ),
        ]
        indexes = [
            models.Index(fields=["ends_at"], name="membership_ends", condition=~Q(ends_at=None)),
            models.Index(fields=["raised_until"], name="membership_raised", condition=~Q(raised_until=None)),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.account}"

    @property
    def audit_label(self) -> str:
        """Name the member in the audit log."""
        return self.user.audit_label

    def is_live(self, now: datetime) -> bool:
        """Say whether the membership holds at the instant, the account's plan left aside."""
        return self.suspended_at is None and (self.ends_at is None or self.ends_at > now)

    def is_raised(self, now: datetime) -> bool:
        """Say whether the member is Admin for a while."""
        return self.raised_until is not None and self.raised_until > now

    def role_at(self, now: datetime) -> Role:
        """Return the role that counts at the instant."""
        return Role.ADMIN if self.is_raised(now) else Role(self.role)


class Invitation(TenantModel):
    """An invitation to become a member. Its link is signed from this row; nothing here opens it.

    ``turn`` counts the links: a newer one ends those before it.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    email = models.EmailField(max_length=254)
    email_key = models.CharField(max_length=254)
    role = models.CharField(max_length=20, choices=Role)
    member_ends_at = models.DateTimeField(null=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    turn = models.PositiveIntegerField(default=1)
    sent_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True)
    # Taken back because whoever sent it may not invite any more.
    is_orphaned = models.BooleanField(default=False, db_default=False)
    # The end that was recorded; sending again sets another one.
    recorded_end = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "email_key"],
                name="invitation_once",
                condition=Q(accepted_at=None, revoked_at=None),
            ),
            models.CheckConstraint(
                condition=Q(role__in=[role for role in Role.values if role != Role.OWNER]),
                name="invitation_role",
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("sent_at")), name="invitation_lives"),
            models.CheckConstraint(
                condition=Q(accepted_at=None) | Q(revoked_at=None), name="invitation_one_end"
            ),
        ]
        indexes = [
            models.Index(
                fields=["account", "-id"],
                name="invitation_open",
                condition=Q(accepted_at=None, revoked_at=None),
            ),
            models.Index(
                fields=["expires_at"],
                name="invitation_ends",
                condition=Q(accepted_at=None, revoked_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.account}"

    @property
    def audit_label(self) -> str:
        """Name the invited address in the audit log."""
        return self.email

    @property
    def is_open(self) -> bool:
        """Say whether it was neither accepted nor revoked."""
        return self.accepted_at is None and self.revoked_at is None

    def is_live(self, now: datetime) -> bool:
        """Say whether its newest link opens something at the instant."""
        return self.is_open and self.expires_at > now


class AccessReview(TenantModel):
    """A quarter's look at who is in the team; the owner or an admin says that it was done."""

    quarter_date = models.DateField()
    due_date = models.DateField()
    opened_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "quarter_date"], name="access_review_once"),
        ]

    def __str__(self) -> str:
        return f"Access review of {self.account}, {self.quarter_date}"

    @property
    def audit_label(self) -> str:
        """Name the review in the audit log."""
        return f"Access review due {self.due_date}"
