"""Who exists: users, accounts, their credentials, sessions and the proofs on the way in."""

import uuid
from datetime import datetime
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from console.core import crypto

_AUTH_ID = r"^(MA|SA)[A-Z0-9]{18}$"


class UserManager(BaseUserManager["User"]):
    """Find users by the canonical key of their address."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user with this address, in any case."""
        return self.get(email_key=(username or "").strip().lower())

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a user with a hashed password; without one, none works."""
        user = self.model(email=email, email_key=email.lower(), **fields)
        user.set_password(password)
        user.save()
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person with an email address and a password; may belong to several accounts."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    email = models.EmailField(max_length=254)
    email_key = models.CharField(max_length=254, unique=True)
    full_name = models.CharField(max_length=150)
    email_verified_at = models.DateTimeField(null=True, blank=True)
    phone = models.CharField(max_length=16, default="", blank=True)
    phone_verified_at = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    terms_accepted_at = models.DateTimeField(null=True, blank=True)
    password_changed_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now)

    objects = UserManager()

    USERNAME_FIELD = "email_key"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email", "full_name"]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(phone="") | Q(phone__regex=r"^\+[1-9][0-9]{4,14}$"), name="user_phone_e164"
            ),
            models.CheckConstraint(
                condition=Q(phone_verified_at=None) | ~Q(phone=""), name="user_phone_proved"
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def audit_label(self) -> str:
        """Name the person in the audit log."""
        return self.full_name or self.email

    def get_short_name(self) -> str:
        """Return the name, for the admin's greeting."""
        return self.full_name


def new_auth_id(prefix: str = "MA") -> str:
    """Return a new Auth ID: ``MA`` or ``SA`` and 18 of ``A-Z0-9``."""
    return prefix + crypto.random_name(18)


class Account(models.Model):
    """The tenant: a customer company; owns money, credentials, team, subaccounts."""

    class State(models.TextChoices):
        """Where the account stands in its life."""

        ONBOARDING = "onboarding", "Being verified"
        ACTIVE = "active", "Active"
        HELD = "held", "On hold"
        REJECTED = "rejected", "Rejected"
        LOCKED = "locked", "Locked"
        CLOSED = "closed", "Closed"

    class Kind(models.TextChoices):
        """Whether the account pays; the values are those of the HTTP API's ``account_type``."""

        TRIAL = "developer", "Trial"
        STANDARD = "standard", "Standard"

    class AllowlistMode(models.TextChoices):
        """What the IP allowlist does to callers of the HTTP API that are not on it."""

        OFF = "off", "Off"
        REPORT = "report", "Report only"
        ENFORCING = "enforcing", "Enforcing"

    auth_id = models.CharField(max_length=20, unique=True, default=new_auth_id, editable=False)
    name = models.CharField(max_length=255)
    state = models.CharField(max_length=20, choices=State, default=State.ONBOARDING)
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.TRIAL)
    billing_mode = models.CharField(max_length=10, default="prepaid")
    address = models.CharField(max_length=400, default="", blank=True)
    city = models.CharField(max_length=255, default="", blank=True)
    region = models.CharField(max_length=255, default="", blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    opened_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="opened_accounts")
    created_at = models.DateTimeField(default=timezone.now)
    activated_at = models.DateTimeField(null=True, blank=True)
    allowlist_mode = models.CharField(
        max_length=10, choices=AllowlistMode, default=AllowlistMode.OFF, db_default="off"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(auth_id__regex=r"^MA[A-Z0-9]{18}$"), name="account_auth_id"),
            models.CheckConstraint(condition=~Q(name=""), name="account_named"),
            models.CheckConstraint(
                condition=Q(billing_mode__in=["prepaid", "postpaid"]), name="account_billing_mode"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.auth_id})"

    @property
    def audit_label(self) -> str:
        """Name the account in the audit log."""
        return self.name

    @property
    def is_active(self) -> bool:
        """Say whether people and credentials may act in the account."""
        return self.state == self.State.ACTIVE


class ApiIdentity(models.Model):
    """Who may call the HTTP API: an account, or a subaccount under it. One look-up finds either."""

    class Kind(models.TextChoices):
        """What the identity stands for."""

        ACCOUNT = "account", "Account"
        SUBACCOUNT = "subaccount", "Subaccount"

    auth_id = models.CharField(max_length=20, unique=True, validators=[RegexValidator(_AUTH_ID)])
    account = models.ForeignKey(Account, models.CASCADE, related_name="api_identities")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.ACCOUNT)
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(auth_id__regex=_AUTH_ID), name="identity_auth_id"),
            models.UniqueConstraint(
                fields=["account"], name="identity_main_once", condition=Q(kind="account")
            ),
        ]

    def __str__(self) -> str:
        return self.auth_id


class Credential(models.Model):
    """One Auth Token of an identity. Only its SHA-256 is kept; the token itself is shown once."""

    class Kind(models.TextChoices):
        """Primary tokens open everything; named ones what they were made for."""

        PRIMARY = "primary", "Auth Token"
        NAMED = "named", "Named token"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    identity = models.ForeignKey(ApiIdentity, models.CASCADE, related_name="credentials")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.PRIMARY)
    slot = models.PositiveSmallIntegerField(null=True)
    name = models.CharField(max_length=100, default="", blank=True)
    prefix = models.CharField(max_length=16)
    last_four = models.CharField(max_length=4)
    digest = models.BinaryField(max_length=32, unique=True)
    made_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_ip = models.GenericIPAddressField(null=True)
    last_used_agent = models.CharField(max_length=300, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["identity", "slot"],
                name="credential_two_live_primary",
                condition=Q(kind="primary", ended_at=None),
            ),
            models.CheckConstraint(
                condition=~Q(kind="primary") | Q(slot__in=[1, 2]), name="credential_primary_slot"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("made_at")), name="credential_ended_after_made"
            ),
        ]
        indexes = [
            models.Index(
                fields=["ends_at"], name="credential_due", condition=Q(ended_at=None) & ~Q(ends_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}…{self.last_four}"

    @property
    def audit_label(self) -> str:
        """Name the token in the audit log without giving it away."""
        return str(self)

    def is_live(self, now: datetime) -> bool:
        """Say whether the token opens anything at the instant."""
        return self.ended_at is None and (self.ends_at is None or self.ends_at > now)


class Session(AbstractBaseSession):
    """A browser's session. The key is stored as its SHA-256, so a dump of the table signs nobody in."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")
    device = models.ForeignKey("Device", models.SET_NULL, null=True, related_name="sessions")
    signed_in_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True)
    method = models.CharField(max_length=30, default="")
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, default="")
    place = models.CharField(max_length=120, default="")

    objects = BaseSessionManager["Session"]()  # type: ignore[misc]

    class Meta:
        db_table = "accounts_session"
        indexes = [
            models.Index(fields=["user", "-last_seen_at"], name="session_of_user", condition=~Q(user=None))
        ]

    @classmethod
    def get_session_store_class(cls) -> Any:
        """Return the store that reads and writes these rows."""
        return import_module(settings.SESSION_ENGINE).SessionStore


class Device(models.Model):
    """A browser that a user signed in with before; known by a random cookie of which the digest is kept."""

    user = models.ForeignKey(User, models.CASCADE, related_name="devices")
    digest = models.BinaryField(max_length=32)
    networks = models.JSONField(default=list)
    user_agent = models.CharField(max_length=300, default="")
    first_seen_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="device_once")]


class SignInTries(models.Model):
    """Failed tries against one key: a user, a known device of a user, or an address.

    ``locked_until`` grows exponentially; it never touches sessions that exist.
    """

    key = models.CharField(max_length=64, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    failed_at = models.DateTimeField()
    locked_until = models.DateTimeField(null=True)


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


class EmailDomainRule(models.Model):
    """A domain that staff allow or block at sign-up, whatever the packaged lists say."""

    class Verdict(models.TextChoices):
        """What the rule says."""

        ALLOW = "allow", "Allow"
        BLOCK = "block", "Block"

    domain = models.CharField(max_length=253, unique=True)
    verdict = models.CharField(max_length=5, choices=Verdict)
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"{self.verdict} {self.domain}"


class NetworkRule(models.Model):
    """A network that staff allow or block at sign-up."""

    network = models.CharField(max_length=43, unique=True)
    verdict = models.CharField(max_length=5, choices=EmailDomainRule.Verdict)
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"{self.verdict} {self.network}"


class PhonePrefixRule(models.Model):
    """A number prefix, in E.164, to which no code is sent."""

    prefix = models.CharField(
        max_length=16,
        unique=True,
        validators=[RegexValidator(r"^\+[1-9][0-9]{0,14}$", "Write + and digits.")],
    )
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.prefix
