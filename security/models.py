"""How we are sure: second factors, recovery codes, and acts that wait for a confirmation."""

import math
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django_otp.models import Device, ThrottlingMixin  # noqa: TID251 - the base of the devices

from accounts.tenancy import TenantModel
from console.core import crypto

# The wait after a wrong code doubles from a second to a little over an hour, and stays there.
_LONGEST_DOUBLING = 12


class PhoneDevice(ThrottlingMixin, Device):
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


class RecoveryCode(models.Model):
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

    def __str__(self) -> str:
        return f"held act {self.public_id}"

    @property
    def context(self) -> str:
        """Name the row for encryption."""
        return f"security.heldact:{self.public_id}"


class CidrField(models.Field):
    """A network in PostgreSQL's own type, which refuses host bits and compares with addresses."""

    description = "network"

    def db_type(self, connection: Any) -> str:
        """Return the column's type."""
        return "cidr"


class AllowlistAccess(models.Model):
    """Whether the account may use an IP allowlist, and how the newest change of its mode stands.

    The mode itself is ``Account.allowlist_mode``, because each API call reads that row anyway.
    """

    class State(models.TextChoices):
        """How the request for access stands."""

        NONE = "none", "Not asked for"
        REQUESTED = "requested", "Requested"
        APPROVED = "approved", "Approved"
        DECLINED = "declined", "Declined"

    account = models.OneToOneField("accounts.Account", models.CASCADE, related_name="allowlist_access")
    state = models.CharField(max_length=10, choices=State, default=State.NONE)
    reason = models.CharField(max_length=500, default="")
    addresses = models.PositiveIntegerField(default=0)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    requested_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=500, default="", blank=True)
    mode_since = models.DateTimeField(null=True, blank=True)
    confirm_by = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "allowlist request"
        indexes = [
            models.Index(fields=["confirm_by"], name="allowlist_due", condition=~Q(confirm_by=None)),
        ]

    def __str__(self) -> str:
        return f"IP allowlist of {self.account}"

    @property
    def audit_label(self) -> str:
        """Name the list in the audit log."""
        return "IP allowlist"


class AllowlistEntry(TenantModel):
    """A network whose callers the allowlist lets in, until ``expires_at`` if that is set."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    network = CidrField()
    label = models.CharField(max_length=100, default="", blank=True)
    expires_at = models.DateTimeField(null=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "network"], name="allowlist_entry_once"),
        ]

    def __str__(self) -> str:
        return str(self.network)

    @property
    def audit_label(self) -> str:
        """Name the entry in the audit log."""
        return f"{self.network} {self.label}".strip()

    def is_live(self, now: datetime) -> bool:
        """Say whether the entry lets anybody in at the instant."""
        return self.expires_at is None or self.expires_at > now


class ApiCaller(TenantModel):
    """An address that called the API on one day with valid credentials, and what the allowlist said to it."""

    class Verdict(models.TextChoices):
        """What became of the calls."""

        ADMITTED = "admitted", "Let in"
        REPORTED = "reported", "Let in, would have been refused"
        REFUSED = "refused", "Refused"

    ip = models.GenericIPAddressField(null=True)
    day = models.DateField()
    verdict = models.CharField(max_length=10, choices=Verdict)
    calls = models.BigIntegerField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    endpoint = models.CharField(max_length=120, default="")
    agent = models.CharField(max_length=300, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "day", "ip", "verdict"], name="api_caller_of_day", nulls_distinct=False
            ),
        ]
        indexes = [models.Index(fields=["day"], name="api_caller_day")]
