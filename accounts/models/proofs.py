"""Links and codes on the way to a person."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.users import User


class EmailLink(models.Model):
    """A link that was mailed. The link itself is signed from this row; nothing here opens it."""

    class Purpose(models.TextChoices):
        """What the link is for."""

        ACTIVATE = "activate", "Confirm the address"
        RESET = "reset", "Set a new password"
        NOT_ME = "not-me", "This wasn't me"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    purpose = models.CharField(max_length=20, choices=Purpose)
    user = models.ForeignKey(User, models.CASCADE, related_name="email_links")
    email = models.EmailField(max_length=254)
    state_digest = models.BinaryField(max_length=32, default=bytes)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "purpose"],
                name="email_link_one_live",
                condition=Q(used_at=None, replaced_at=None, purpose__in=["activate", "reset"]),
            )
        ]


class PhoneCode(models.Model):
    """A six-digit code on its way to a phone: for one purpose, one number, one sign-in or session."""

    class Purpose(models.TextChoices):
        """What the code proves."""

        VERIFY = "verify", "Verify the number"
        SIGN_IN = "sign-in", "Sign in"
        ENROL = "enrol", "Add an authenticator app"
        STEP_UP = "step-up", "Confirm it's you"
        CHANGE = "change", "Change the number"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="phone_codes")
    purpose = models.CharField(max_length=10, choices=Purpose)
    number = models.CharField(max_length=16)
    binding = models.CharField(max_length=64)
    digest = models.BinaryField(max_length=32)
    channel = models.CharField(max_length=10)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "purpose"], name="phone_code_one_live", condition=Q(ended_at=None)
            )
        ]
