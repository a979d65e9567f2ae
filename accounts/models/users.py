"""Persons, who may belong to several accounts."""

import uuid
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.utils import timezone


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
    reverify_since = models.DateTimeField(null=True, blank=True)
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
