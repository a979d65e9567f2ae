"""What an account's directory says of people and groups by SCIM, and the tokens it comes with."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.tenancy import TenantModel
from teams.models import Invitation, Membership
from teams.roles import Role


class ScimToken(TenantModel):
    """A bearer token of the account's directory. Only its SHA-256 is kept; the token itself is shown once."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    prefix = models.CharField(max_length=20)
    last_four = models.CharField(max_length=4)
    digest = models.BinaryField(max_length=32, unique=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    # Set when a newer one was made and this one lives on for a while.
    ends_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_ip = models.GenericIPAddressField(null=True)

    class Meta:
        verbose_name = "SCIM token"
        constraints = [
            models.UniqueConstraint(
                fields=["account"], name="scim_token_one_newest", condition=Q(ends_at=None, ended_at=None)
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("made_at")), name="scim_token_ended_after_made"
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


class ScimUser(TenantModel):
    """A person as the account's directory describes them.

    The facts are the account's own and change nobody's sign-in. With a membership it stands for that member and
    goes with it; without one it waits for an invitation to be accepted.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    membership = models.OneToOneField(Membership, models.CASCADE, null=True, related_name="scim_user")
    invitation = models.ForeignKey(Invitation, models.SET_NULL, null=True, related_name="+")
    user_name = models.CharField(max_length=254)
    user_name_key = models.CharField(max_length=254)
    external_id = models.CharField(max_length=255, default="")
    formatted = models.CharField(max_length=200, default="")
    given_name = models.CharField(max_length=100, default="")
    family_name = models.CharField(max_length=100, default="")
    display_name = models.CharField(max_length=200, default="")
    emails = models.JSONField(default=list)
    # The address that counts, and all of them in lower case, each between line ends.
    email_key = models.CharField(max_length=254)
    email_keys = models.TextField(default="")
    # Counts while there is no membership: with one, the membership says whether the person may come in.
    is_active = models.BooleanField(default=True)
    # Copied from the team; the directory has not spoken of the person yet.
    is_copied = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "SCIM user"
        constraints = [
            models.UniqueConstraint(fields=["account", "user_name_key"], name="scim_user_name_once"),
            models.UniqueConstraint(fields=["account", "email_key"], name="scim_user_email_once"),
        ]
        indexes = [
            models.Index(fields=["account", "id"], name="scim_user_page"),
            models.Index(fields=["account", "external_id"], name="scim_user_external"),
        ]

    def __str__(self) -> str:
        return self.user_name

    @property
    def audit_label(self) -> str:
        """Name the person in the audit log."""
        return self.formatted or self.display_name or self.user_name


class ScimGroup(TenantModel):
    """A group of the account's directory, and the role that it stands for, if any; never the owner's."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=255)
    name_key = models.CharField(max_length=255)
    external_id = models.CharField(max_length=255, default="")
    role = models.CharField(max_length=20, choices=Role, default="", blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "SCIM group"
        constraints = [
            models.UniqueConstraint(fields=["account", "name_key"], name="scim_group_name_once"),
            models.CheckConstraint(
                condition=Q(role__in=["", *(role for role in Role.values if role != Role.OWNER)]),
                name="scim_group_not_owner",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def audit_label(self) -> str:
        """Name the group in the audit log."""
        return self.name


class ScimGroupMember(models.Model):
    """A person in a group of the directory."""

    group = models.ForeignKey(ScimGroup, models.CASCADE, related_name="links")
    user = models.ForeignKey(ScimUser, models.CASCADE, related_name="links")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "user"], name="scim_group_member_once")]
