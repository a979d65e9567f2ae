"""Browsers, their sessions, and failed tries."""

import uuid
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.users import User


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

    # What the person's accounts ask for at most; accounts.sessions reads them along with the row.
    idle_rule: int | None = None
    hours_rule: int | None = None

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
