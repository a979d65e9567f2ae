"""The tenant, and the name that it calls the API with."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.users import User
from console.core import crypto

_AUTH_ID = r"^(MA|SA)[A-Z0-9]{18}$"


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
    session_idle_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    session_hours = models.PositiveSmallIntegerField(null=True, blank=True)
    token_days = models.PositiveSmallIntegerField(null=True, blank=True)
    locked_down_at = models.DateTimeField(null=True, blank=True)
    tokens_held_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(auth_id__regex=r"^MA[A-Z0-9]{18}$"), name="account_auth_id"),
            models.CheckConstraint(condition=~Q(name=""), name="account_named"),
            models.CheckConstraint(
                condition=Q(billing_mode__in=["prepaid", "postpaid"]), name="account_billing_mode"
            ),
            models.CheckConstraint(
                condition=Q(session_idle_minutes=None) | Q(session_idle_minutes__range=(5, 30)),
                name="account_session_idle",
            ),
            models.CheckConstraint(
                condition=Q(session_hours=None) | Q(session_hours__range=(1, 12)),
                name="account_session_hours",
            ),
            models.CheckConstraint(
                condition=Q(token_days=None) | Q(token_days__range=(1, 365)), name="account_token_days"
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
