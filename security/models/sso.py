"""An account's identity provider: where it is, what it says of people, and which domains it may speak for."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.tenancy import TenantModel
from console.core import crypto
from teams.roles import Role


class SsoConnection(TenantModel):
    """The account's one identity provider, which speaks SAML 2.0.

    A draft becomes ``tested`` by a test that went well, and a change of the provider's own facts makes it a draft
    again. Its public id is part of every address that the provider is given.
    """

    class Provider(models.TextChoices):
        """Whose product the provider is; it decides the guide that is shown."""

        OKTA = "okta", "Okta"
        ENTRA = "entra", "Microsoft Entra ID"
        GOOGLE = "google", "Google Workspace"
        ONELOGIN = "onelogin", "OneLogin"
        PING = "ping", "Ping Identity"
        JUMPCLOUD = "jumpcloud", "JumpCloud"
        OTHER = "other", "Other SAML 2.0 provider"

    class State(models.TextChoices):
        """How far the connection is."""

        DRAFT = "draft", "Not tested"
        TESTED = "tested", "Tested, off"
        ON = "on", "On"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider = models.CharField(max_length=10, choices=Provider)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    turned_on_at = models.DateTimeField(null=True)
    is_enforced = models.BooleanField(default=False)
    enforced_at = models.DateTimeField(null=True)
    enforced_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    entity_id = models.CharField(max_length=1024, default="")
    sso_url = models.CharField(max_length=1024, default="")
    slo_url = models.CharField(max_length=1024, default="")
    metadata_url = models.CharField(max_length=1024, default="")
    metadata_fetched_at = models.DateTimeField(null=True)
    metadata_error = models.CharField(max_length=300, default="")
    metadata_failing_since = models.DateTimeField(null=True)

    # Names of attributes; without one for the email the NameID is the address.
    email_attribute = models.CharField(max_length=255, default="")
    first_name_attribute = models.CharField(max_length=255, default="")
    last_name_attribute = models.CharField(max_length=255, default="")
    full_name_attribute = models.CharField(max_length=255, default="")
    groups_attribute = models.CharField(max_length=255, default="")
    default_role = models.CharField(max_length=20, choices=Role, default=Role.SUPPORT)
    allows_idp_initiated = models.BooleanField(default=False)
    is_two_factor = models.BooleanField(default=False)

    # Our side's key pair, one per connection, so that no two accounts answer for one another.
    sealed_key = models.BinaryField()
    certificate = models.TextField()
    certificate_ends_at = models.DateTimeField()

    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "SSO connection"
        constraints = [
            models.UniqueConstraint(fields=["account"], name="sso_one_per_account"),
            models.CheckConstraint(
                condition=Q(is_enforced=False) | Q(state="on"), name="sso_enforced_only_when_on"
            ),
            models.CheckConstraint(
                condition=Q(state="draft") | (~Q(entity_id="") & ~Q(sso_url="")),
                name="sso_tested_is_complete",
            ),
            models.CheckConstraint(condition=~Q(default_role="owner"), name="sso_default_not_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.account}, {self.get_provider_display()}"

    @property
    def audit_label(self) -> str:
        """Name the connection in the audit log."""
        return f"Single sign-on with {self.name}"

    @property
    def name(self) -> str:
        """Name the provider in a sentence."""
        return "your provider" if self.provider == self.Provider.OTHER else self.get_provider_display()

    @property
    def context(self) -> str:
        """Name the row for encryption."""
        return f"security.ssoconnection:{self.public_id}"

    @property
    def is_on(self) -> bool:
        """Say whether members may sign in with it."""
        return self.state == self.State.ON

    @property
    def is_complete(self) -> bool:
        """Say whether the provider's address and name are known; its certificates are rows of their own."""
        return bool(self.entity_id and self.sso_url)

    def put_key(self, pem: bytes) -> None:
        """Seal the private key of our side."""
        self.sealed_key = crypto.encrypt(pem, context=self.context)

    def key(self) -> bytes:
        """Return the private key of our side as PEM."""
        return crypto.decrypt(bytes(self.sealed_key), context=self.context)


class SsoCertificate(models.Model):
    """A certificate whose key the provider signs with; two at most, so that one can follow another.

    ``warned_days`` is the last of the marks before its end that people were mailed at.
    """

    connection = models.ForeignKey(SsoConnection, models.CASCADE, related_name="certificates")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    place = models.PositiveSmallIntegerField()
    pem = models.TextField()
    fingerprint = models.CharField(max_length=64)
    not_after = models.DateTimeField()
    added_at = models.DateTimeField(default=timezone.now)
    warned_days = models.PositiveSmallIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "place"], name="sso_certificate_place"),
            models.UniqueConstraint(fields=["connection", "fingerprint"], name="sso_certificate_once"),
            models.CheckConstraint(condition=Q(place__in=[1, 2]), name="sso_certificate_two"),
        ]
        indexes = [models.Index(fields=["not_after"], name="sso_certificate_end")]

    @property
    def audit_label(self) -> str:
        """Name the certificate in the audit log."""
        return f"Certificate {self.short_fingerprint}"

    @property
    def short_fingerprint(self) -> str:
        """Return the first bytes of its SHA-256, as providers show it."""
        pairs = [self.fingerprint[start : start + 2].upper() for start in range(0, 16, 2)]
        return ":".join(pairs)

    def days_left(self, now: datetime) -> int:
        """Return how many whole days it still holds; below zero it has ended."""
        return (self.not_after - now) // timedelta(days=1)


class SsoDomain(TenantModel):
    """A domain of email addresses that the account claims; proved by a TXT record, it belongs to no other."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    domain = models.CharField(max_length=253)
    challenge = models.CharField(max_length=64)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)
    verified_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    watched_until = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, default="")

    class Meta:
        verbose_name = "SSO domain"
        constraints = [
            models.UniqueConstraint(fields=["account", "domain"], name="sso_domain_once"),
            models.UniqueConstraint(
                fields=["domain"], name="sso_domain_one_account", condition=~Q(verified_at=None)
            ),
        ]
        indexes = [
            models.Index(fields=["watched_until"], name="sso_domain_watched", condition=Q(verified_at=None)),
        ]

    def __str__(self) -> str:
        return self.domain

    @property
    def audit_label(self) -> str:
        """Name the domain in the audit log."""
        return self.domain

    @property
    def is_verified(self) -> bool:
        """Say whether the record was found."""
        return self.verified_at is not None


class SsoGroupRole(models.Model):
    """The role that a group at the provider stands for; never the owner's."""

    connection = models.ForeignKey(SsoConnection, models.CASCADE, related_name="group_roles")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    group = models.CharField(max_length=255)
    role = models.CharField(max_length=20, choices=Role)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "group"], name="sso_group_once"),
            models.CheckConstraint(condition=~Q(role="owner"), name="sso_group_not_owner"),
        ]


class SsoRequest(models.Model):
    """A message that asks the provider who somebody is; one answer to it is taken, in the browser that asked."""

    class Purpose(models.TextChoices):
        """What comes of the answer."""

        SIGN_IN = "sign-in", "Sign in"
        TEST = "test", "Test the connection"
        STEP_UP = "step-up", "Confirm a deed"
        LOGOUT = "logout", "Sign out"

    connection = models.ForeignKey(SsoConnection, models.CASCADE, related_name="requests")
    request_id = models.CharField(max_length=80, unique=True)
    purpose = models.CharField(max_length=10, choices=Purpose)
    browser = models.BinaryField(max_length=32)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    next_path = models.CharField(max_length=1000, default="")
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)
    # What the provider's answer leads to, until the browser that asked comes to take it.
    answer = models.JSONField(null=True)
    finished_at = models.DateTimeField(null=True)


class SsoAssertion(models.Model):
    """An assertion that was taken, so that it is taken once; only the digest of its id is kept."""

    connection = models.ForeignKey(SsoConnection, models.CASCADE, related_name="assertions")
    digest = models.BinaryField(max_length=32)
    seen_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "digest"], name="sso_assertion_once")]


class SsoLink(models.Model):
    """Who a person is at the provider; the provider's name for them leads to this person and no other."""

    connection = models.ForeignKey(SsoConnection, models.CASCADE, related_name="links")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sso_links")
    name_id = models.CharField(max_length=255)
    name_id_format = models.CharField(max_length=100, default="")
    made_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "name_id"], name="sso_link_name"),
            models.UniqueConstraint(fields=["connection", "user"], name="sso_link_user"),
        ]

    @property
    def audit_label(self) -> str:
        """Name the link in the audit log by its person; the provider's name for them stays out."""
        return self.user.audit_label


class SsoSession(models.Model):
    """A session that was opened through the provider, for single logout in both directions."""

    link = models.ForeignKey(SsoLink, models.CASCADE, related_name="sessions")
    # By name: a session gets new keys, and its end leaves this row to be swept.
    session_id = models.UUIDField(unique=True)
    session_index = models.CharField(max_length=255, default="")
    made_at = models.DateTimeField(default=timezone.now)


class SsoTest(models.Model):
    """What came of one test of a connection: the decoded assertion and what matched, without the message."""

    connection = models.ForeignKey(SsoConnection, models.CASCADE, related_name="tests")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    is_good = models.BooleanField()
    report = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["connection", "-at"], name="sso_test_newest")]
