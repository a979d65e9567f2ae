"""Phones that register with a name and a password."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.tenancy import TenantModel
from console.core import crypto
from subaccounts.models.applications import Application
from subaccounts.models.subaccounts import Subaccount


class Endpoint(TenantModel):
    """A SIP phone. It belongs where its application belongs; one without an application to any owner.

    ``sealed_hashes`` are what a registrar compares an answer with, never the password itself.
    """

    subaccount = models.ForeignKey(Subaccount, models.PROTECT, null=True, related_name="endpoints")
    application = models.ForeignKey(Application, models.SET_NULL, null=True, related_name="endpoints")
    endpoint_id = models.CharField(max_length=14, unique=True)
    username = models.CharField(max_length=37, unique=True)
    alias = models.CharField(max_length=100)
    sealed_hashes = models.BinaryField()
    # A form that is sent twice makes one row.
    form_id = models.UUIDField(null=True, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    modified_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(endpoint_id__regex=r"^[1-9][0-9]{13}$"), name="endpoint_id"),
            models.CheckConstraint(
                condition=Q(username__regex=r"^[A-Za-z][A-Za-z0-9]{0,24}[0-9]{12}$"), name="endpoint_username"
            ),
            models.CheckConstraint(condition=Q(alias__regex=r"^[A-Za-z0-9_-]+$"), name="endpoint_alias"),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="endpoint_of_account"),
            models.Index(fields=["subaccount", "-id"], name="endpoint_of_subaccount"),
        ]

    def __str__(self) -> str:
        return f"{self.username} ({self.endpoint_id})"

    @property
    def audit_label(self) -> str:
        """Name the endpoint in the audit log."""
        return self.username

    @property
    def sip_uri(self) -> str:
        """Return the address of the phone."""
        return f"sip:{self.username}@{settings.SIP_PHONE_HOST}"

    @property
    def context(self) -> str:
        """Name the row for encryption."""
        return f"subaccounts.endpoint:{self.endpoint_id}"

    def put_hashes(self, hashes: bytes) -> None:
        """Seal the hashes of the password."""
        self.sealed_hashes = crypto.encrypt(hashes, context=self.context)

    @property
    def hashes(self) -> bytes:
        """Return the hashes of the password, as ``application_rules.digest_hashes`` wrote them."""
        return crypto.decrypt(bytes(self.sealed_hashes), context=self.context)
