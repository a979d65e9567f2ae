"""How we are sure: second factors, recovery codes, and acts that wait for a confirmation."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django_otp.models import Device, ThrottlingMixin

from console.core import crypto


class PhoneDevice(ThrottlingMixin, Device):
    """The user's verified phone as a second factor; codes live in ``accounts.PhoneCode``."""

    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user"], name="phone_device_once")]

    def get_throttle_factor(self) -> int:
        """Return the seconds that django-otp's exponential wait grows from."""
        return 1


class AuthenticatorDevice(ThrottlingMixin, Device):
    """An authenticator app (TOTP, RFC 6238: SHA-1, six digits, 30 s). The 160-bit seed is encrypted.

    ``last_step`` is the newest time step that was accepted; no step is accepted twice.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    sealed_seed = models.BinaryField()
    last_step = models.BigIntegerField(default=-1)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], name="authenticator_one_pending", condition=Q(confirmed=False)
            ),
        ]

    def get_throttle_factor(self) -> int:
        """Return the seconds that django-otp's exponential wait grows from."""
        return 1

    @property
    def seed(self) -> bytes:
        """Return the decrypted seed."""
        return crypto.decrypt(bytes(self.sealed_seed), context=self._context)

    @seed.setter
    def seed(self, value: bytes) -> None:
        self.sealed_seed = crypto.encrypt(value, context=self._context)

    @property
    def _context(self) -> str:
        return f"security.authenticatordevice:{self.public_id}"


class RecoveryCode(models.Model):
    """One of ten codes for the day everything else is lost; a digest of 80 random bits, used once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="recovery_codes")
    batch = models.UUIDField()
    number = models.PositiveSmallIntegerField()
    digest = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "batch", "number"], name="recovery_code_number"),
            models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_digest"),
        ]


class HeldAct(models.Model):
    """A sensitive POST that waits until its author confirmed it's them; replayed once, encrypted at rest."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="held_acts")
    session_id = models.UUIDField()
    path = models.CharField(max_length=2000)
    sealed_body = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    replayed_at = models.DateTimeField(null=True)

    @property
    def context(self) -> str:
        """Name the row for encryption."""
        return f"security.heldact:{self.public_id}"
