"""Passkeys and security keys of a person, and the questions put to them (W3C WebAuthn)."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django_otp.models import Device  # noqa: TID251 - the base of the devices

from security.models.weakness import MayBeWeak

# Authenticators may name a key with up to 1023 bytes.
_LONGEST_ID = 1023


class PasskeyDevice(MayBeWeak, Device):
    """A key pair whose private half never leaves the person's device, password manager or security key.

    ``sign_count`` is the authenticator's counter of uses; synced keys have none and stay at zero.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    credential_id = models.BinaryField(max_length=_LONGEST_ID, unique=True)
    public_key = models.BinaryField()
    sign_count = models.BigIntegerField(default=0)
    transports = models.JSONField(default=list)
    aaguid = models.UUIDField()
    is_backed_up = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["user", "created_at"], name="passkey_of_user")]

    @property
    def audit_label(self) -> str:
        """Name the factor in the audit log."""
        return f"Passkey {self.name}"


class PasskeyChallenge(models.Model):
    """A random question that one sign-in or session put to the person's passkeys; answered once, in minutes."""

    class Purpose(models.TextChoices):
        """What the answer does."""

        REGISTER = "register", "Add a passkey"
        SIGN_IN = "sign-in", "Sign in"
        STEP_UP = "step-up", "Confirm it's you"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="passkey_challenges")
    purpose = models.CharField(max_length=10, choices=Purpose)
    binding = models.CharField(max_length=64)
    challenge = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "purpose", "binding"], name="passkey_challenge_one_live"),
        ]
