"""Who calls the HTTP API: one row a day for each address, client and token."""

from django.db import models

from accounts.models.credentials import Credential
from accounts.tenancy import TenantModel


class ApiCaller(TenantModel):
    """A client at an address that called the API on one day with one token, and what became of the calls.

    ``credential`` is None in rows from before tokens were noted; ``endpoint`` is the one called last.
    """

    class Verdict(models.TextChoices):
        """What the IP allowlist, or the token's own list, said to the calls."""

        ADMITTED = "admitted", "Let in"
        REPORTED = "reported", "Let in, would have been refused"
        REFUSED = "refused", "Refused"
        UNEXPECTED = "unexpected", "Refused by the token's own list"

    # No index of its own: every look-up names the account, with which the unique key begins.
    credential = models.ForeignKey(
        Credential, models.CASCADE, null=True, related_name="callers", db_index=False
    )
    ip = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=300, default="")
    day = models.DateField()
    verdict = models.CharField(max_length=10, choices=Verdict)
    calls = models.BigIntegerField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    endpoint = models.CharField(max_length=120, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "credential", "day", "ip", "verdict", "agent"],
                name="api_caller_once_a_day",
                nulls_distinct=False,
            ),
        ]
        indexes = [models.Index(fields=["day"], name="api_caller_by_day")]
