"""What a call or a message to a number asks for its orders."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.tenancy import TenantModel
from subaccounts.models.subaccounts import Subaccount


class Application(TenantModel):
    """A name for the addresses that calls and messages are asked about; it belongs to its account or a subaccount.

    An owner is the account itself (no ``subaccount``) or one subaccount. Of each owner's applications at most one
    gets new numbers, and at most one new endpoints, that name no application.
    """

    class Method(models.TextChoices):
        """How an address is asked."""

        GET = "GET", "GET"
        POST = "POST", "POST"

    subaccount = models.ForeignKey(Subaccount, models.PROTECT, null=True, related_name="applications")
    app_id = models.CharField(max_length=17, unique=True)
    name = models.CharField(max_length=100)
    answer_url = models.CharField(max_length=1000, default="", blank=True)
    answer_method = models.CharField(max_length=4, choices=Method, default=Method.POST)
    hangup_url = models.CharField(max_length=1000, default="", blank=True)
    hangup_method = models.CharField(max_length=4, choices=Method, default=Method.POST)
    fallback_answer_url = models.CharField(max_length=1000, default="", blank=True)
    fallback_method = models.CharField(max_length=4, choices=Method, default=Method.POST)
    message_url = models.CharField(max_length=1000, default="", blank=True)
    message_method = models.CharField(max_length=4, choices=Method, default=Method.POST)
    default_number_app = models.BooleanField(default=False)
    default_endpoint_app = models.BooleanField(default=False)
    log_incoming_messages = models.BooleanField(default=True)
    public_uri = models.BooleanField(default=False)
    # A form that is sent twice makes one row.
    form_id = models.UUIDField(null=True, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    modified_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(app_id__regex=r"^[1-9][0-9]{16}$"), name="application_app_id"),
            models.CheckConstraint(condition=Q(name__regex=r"^[A-Za-z0-9_-]+$"), name="application_name"),
            models.UniqueConstraint(
                fields=["account", "subaccount"],
                condition=Q(default_number_app=True),
                nulls_distinct=False,
                name="application_for_numbers",
            ),
            models.UniqueConstraint(
                fields=["account", "subaccount"],
                condition=Q(default_endpoint_app=True),
                nulls_distinct=False,
                name="application_for_endpoints",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="application_of_account"),
            models.Index(fields=["subaccount", "-id"], name="application_of_subaccount"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.app_id})"

    @property
    def audit_label(self) -> str:
        """Name the application in the audit log."""
        return self.name

    @property
    def asked_at_hangup(self) -> str:
        """Return the address that is told of the end of a call: its own, or that of the answer."""
        return self.hangup_url or self.answer_url

    @property
    def sip_uri(self) -> str:
        """Return the address under which phones call the application."""
        return f"sip:{self.app_id}@{settings.SIP_APP_HOST}"
