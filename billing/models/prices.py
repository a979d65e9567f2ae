"""Price lists with the date from which they count, and what became of their announcement."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.tenancy import TenantModel
from billing.pricing import Direction, NumberType, Rate, Service

_BY_PREFIX = Q(service="voice", direction="outbound") & ~Q(number_type="ip")


class PriceList(models.Model):
    """Prices that were published together; they count from ``effective_at`` until later ones replace them.

    With an account they are its contract rates, which go before everybody's.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(
        "accounts.Account", models.CASCADE, null=True, blank=True, related_name="price_lists"
    )
    name = models.CharField(max_length=120)
    effective_at = models.DateTimeField()
    published_at = models.DateTimeField(default=timezone.now)
    is_sample = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["account", "effective_at"], name="price_list_of_account")]

    def __str__(self) -> str:
        return self.name


class Price(models.Model):
    """One price of a list; None takes back the price of the same thing before. Never changed, never deleted.

    A trigger fills account and start from the list.
    """

    price_list = models.ForeignKey(PriceList, models.CASCADE, related_name="prices")
    account = models.ForeignKey(
        "accounts.Account", models.CASCADE, null=True, blank=True, related_name="prices", db_index=False
    )
    starts_at = models.DateTimeField()
    country = models.CharField(max_length=2)
    service = models.CharField(max_length=10, choices=[(each.value, each.value) for each in Service])
    direction = models.CharField(max_length=10, choices=[(each.value, each.value) for each in Direction])
    number_type = models.CharField(
        max_length=10, choices=[(each.value, each.value) for each in NumberType], default="", blank=True
    )
    prefix = models.CharField(max_length=15, default="", blank=True)
    network = models.CharField(max_length=80, default="", blank=True)
    destination = models.CharField(max_length=80, default="", blank=True)
    rate = models.DecimalField(max_digits=12, decimal_places=5, null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(rate__isnull=True) | Q(rate__gte=0), name="price_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(country__regex=r"^[A-Z]{2}$") & Q(prefix__regex=r"^([1-9]\d{0,14})?$"),
                name="price_codes",
            ),
            models.CheckConstraint(
                condition=(_BY_PREFIX & ~Q(prefix="") & ~Q(number_type="") & Q(network=""))
                | Q(service="voice", direction="outbound", number_type="ip", prefix="", network="")
                | (Q(service="voice", direction="inbound", prefix="", network="") & ~Q(number_type=""))
                | Q(service="message", direction="outbound", number_type="", prefix="")
                | Q(service="message", direction="inbound", number_type="", prefix="", network="")
                | (
                    Q(service="number", direction="rental", prefix="", network="")
                    & ~Q(number_type__in=["", "ip"])
                ),
                name="price_shape",
            ),
            models.UniqueConstraint(
                fields=["price_list", "prefix"], condition=~Q(prefix=""), name="price_prefix_once"
            ),
            models.UniqueConstraint(
                fields=["price_list", "country", "service", "direction", "number_type", "network"],
                condition=Q(prefix=""),
                name="price_thing_once",
            ),
        ]
        indexes = [
            models.Index(fields=["country", "account"], name="price_of_country"),
            models.Index(fields=["prefix", "starts_at"], name="price_by_prefix", condition=~Q(prefix="")),
        ]

    def as_rate(self, *, is_sample: bool) -> Rate:
        """Return the price as the rules see it."""
        return Rate(
            service=self.service,
            direction=self.direction,
            country=self.country,
            rate=self.rate,
            starts_at=self.starts_at,
            number_type=self.number_type,
            prefix=self.prefix,
            network=self.network,
            destination=self.destination,
            order=self.price_list_id,
            is_contract=self.account_id is not None,
            is_sample=is_sample,
            price_id=self.pk,
        )


class PriceImport(models.Model):
    """A file of prices that staff loaded and may publish once, after they looked at the differences."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey("accounts.Account", models.CASCADE, null=True, blank=True, related_name="+")
    name = models.CharField(max_length=120)
    effective_on = models.DateField("counts from, in UTC")
    file_name = models.CharField(max_length=120, editable=False)
    text = models.TextField(editable=False)
    lines = models.PositiveIntegerField(default=0, editable=False)
    loaded_at = models.DateTimeField(default=timezone.now, editable=False)
    price_list = models.OneToOneField(
        PriceList, models.CASCADE, null=True, editable=False, related_name="source"
    )

    class Meta:
        verbose_name = "price list import"

    def __str__(self) -> str:
        return self.name

    @property
    def audit_label(self) -> str:
        """Name the import in the audit log."""
        return f"{self.name}, {self.lines} lines, from {self.effective_on}"


class PriceNotice(TenantModel):
    """That an account is told about a list, once; ``impact`` is what its last month would have cost more."""

    price_list = models.ForeignKey(PriceList, models.CASCADE, related_name="notices")
    countries = models.CharField(max_length=1000)
    impact = models.DecimalField(max_digits=18, decimal_places=5)
    made_at = models.DateTimeField(default=timezone.now)
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["price_list", "account"], name="price_notice_once"),
        ]
        indexes = [
            models.Index(fields=["id"], name="price_notice_to_tell", condition=Q(told_at=None)),
        ]
