"""Second factors and recovery codes of a person."""

import math
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django_otp.models import Device, ThrottlingMixin  # noqa: TID251 - the base of the devices

from console.core import crypto
from security.models.weakness import MayBeWeak

# The wait after a wrong code doubles from a second to a little over an hour, and stays there.
_LONGEST_DOUBLING = 12


class PhoneDevice(MayBeWeak, ThrottlingMixin, Device):
    """The user's verified phone as a second factor; codes live in ``accounts.PhoneCode``.

    ``chosen_at`` is when the person decided to go on with phone codes instead of an authenticator app.
    """

    chosen_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user"], name="phone_device_once")]

    @property
    def audit_label(self) -> str:
        """Name the factor in the audit log."""
        return str(self.name)

    def get_throttle_factor(self) -> int:
        """Return the seconds that django-otp's exponential wait grows from."""
        return 1


class PhoneChange(models.Model):
    """A new number that waits for its code; the old one works until then."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="phone_change")
    number = models.CharField(max_length=16)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"change to a number ending in {self.number[-2:]}"


class AuthenticatorDevice(MayBeWeak, ThrottlingMixin, Device):
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
    def audit_label(self) -> str:
        """Name the factor in the audit log."""
        return str(self.name)

    def wait_left(self, now: datetime) -> int:
        """Return the seconds until another code may be tried."""
        if not self.throttling_failure_count or self.throttling_failure_timestamp is None:
            return 0
        doublings = min(self.throttling_failure_count - 1, _LONGEST_DOUBLING)
        wait = timedelta(seconds=self.get_throttle_factor() * 2**doublings)
        return max(math.ceil((self.throttling_failure_timestamp + wait - now).total_seconds()), 0)

    def note_failure(self, now: datetime) -> None:
        """Count a wrong code; the caller holds the row."""
        self.throttling_failure_count += 1
        self.throttling_failure_timestamp = now
        self.save(update_fields=["throttling_failure_count", "throttling_failure_timestamp"])

    def accept(self, step: int, now: datetime) -> None:
        """Note the step whose code was accepted; the caller holds the row."""
        self.last_step, self.last_used_at = step, now
        self.throttle_reset(commit=False)
        self.save()

    @property
    def seed(self) -> bytes:
        """Return the decrypted seed."""
        return crypto.decrypt(bytes(self.sealed_seed), context=self.context)

    @seed.setter
    def seed(self, value: bytes) -> None:
        self.sealed_seed = crypto.encrypt(value, context=self.context)

    @property
    def context(self) -> str:
        """Name the row for encryption."""
        return f"security.authenticatordevice:{self.public_id}"


class RecoveryCode(MayBeWeak):
    """One of ten codes for the day everything else is lost; a digest of 118 random bits, used once.

    ``kept_at`` is when the person said that the codes are kept.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="recovery_codes")
    batch = models.UUIDField()
    number = models.PositiveSmallIntegerField()
    digest = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(default=timezone.now)
    kept_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "batch", "number"], name="recovery_code_number"),
            models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_digest"),
        ]

    def __str__(self) -> str:
        return f"recovery code {self.number}"
