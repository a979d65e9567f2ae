"""What was called and sent: one row an event, in a partition a month, and sums of them by day."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q

from accounts.models import Account
from accounts.tenancy import TenantModel
from subaccounts.models.subaccounts import Subaccount

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UsageKind(models.TextChoices):
    """What kind of traffic was used."""

    CALL = "call", "Call"
    MESSAGE = "message", "Message"


class UsageDirection(models.TextChoices):
    """Which way it went, seen from the account."""

    OUTBOUND = "outbound", "Outbound"
    INBOUND = "inbound", "Inbound"


class UsageStatus(models.TextChoices):
    """How it ended: calls first, then messages."""

    COMPLETED = "completed", "Completed"
    BUSY = "busy", "Busy"
    NO_ANSWER = "no-answer", "No answer"
    CANCELED = "canceled", "Canceled"
    DELIVERED = "delivered", "Delivered"
    SENT = "sent", "Sent"
    RECEIVED = "received", "Received"
    UNDELIVERED = "undelivered", "Undelivered"
    FAILED = "failed", "Failed"


class UsageEvent(TenantModel):
    """One call or message. ``units`` are its started minutes or its segments; ``cost`` is what was charged.

    The table is partitioned by ``at``; its key is the order of the log and refuses an event that comes twice. No
    foreign key is kept by the database: what a key would check once a row, ``append_usage`` checks once a batch.
    """

    pk = models.CompositePrimaryKey("account_id", "at", "event_id")
    account: Any = models.ForeignKey(
        Account, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    subaccount = models.ForeignKey(
        Subaccount, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    at = models.DateTimeField()
    event_id = models.UUIDField()
    units = models.IntegerField()
    rate = models.DecimalField(max_digits=12, decimal_places=5)
    cost = models.DecimalField(max_digits=14, decimal_places=5)
    kind = models.CharField(max_length=8, choices=UsageKind)
    direction = models.CharField(max_length=8, choices=UsageDirection)
    country = models.CharField(max_length=2, blank=True)
    status = models.CharField(max_length=16, choices=UsageStatus)
    from_number = models.CharField(max_length=128)
    to_number = models.CharField(max_length=128)
    ip = models.GenericIPAddressField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=("call", "message"), direction__in=("outbound", "inbound")),
                name="usage_event_kind",
            ),
            models.CheckConstraint(condition=Q(units__gte=0, cost__gte=0), name="usage_event_not_negative"),
        ]

    @property
    def place(self) -> str:
        """Return where the event stands in the log: in addresses, and as the cursor of a page."""
        return f"{(self.at - _EPOCH) // timedelta(microseconds=1)}-{self.event_id.hex}"

    @property
    def unit(self) -> str:
        """Name what is counted, for one and for many."""
        return "minute,minutes" if self.kind == UsageKind.CALL else "segment,segments"


class UsageDay(TenantModel):
    """The sums of a day in the account's time zone, kept current in the transaction that appends the events."""

    subaccount = models.ForeignKey(Subaccount, models.CASCADE, null=True, db_index=False, related_name="+")
    account: Any = models.ForeignKey(Account, models.CASCADE, db_index=False, related_name="+")
    day = models.DateField()
    kind = models.CharField(max_length=8, choices=UsageKind)
    direction = models.CharField(max_length=8, choices=UsageDirection)
    country = models.CharField(max_length=2, blank=True)
    events = models.BigIntegerField()
    units = models.BigIntegerField()
    cost = models.DecimalField(max_digits=18, decimal_places=5)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "day", "subaccount", "kind", "direction", "country"],
                name="usage_day_once",
                nulls_distinct=False,
            ),
        ]
        indexes = [
            models.Index(
                fields=["subaccount", "day"], name="usage_day_subaccount", condition=~Q(subaccount=None)
            ),
        ]
