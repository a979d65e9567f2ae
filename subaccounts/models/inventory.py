"""Numbers that the provider has, rented or free, and the files with which staff load them."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class NumberType(models.TextChoices):
    """What kind of number it is; the values are those of the HTTP API."""

    LOCAL = "local", "Local"
    MOBILE = "mobile", "Mobile"
    FIXED = "fixed", "Fixed"
    NATIONAL = "national", "National"
    TOLLFREE = "tollfree", "Toll-free"


class InventoryNumber(models.Model):
    """A number that the provider has; while ``free_at`` is set and past, a customer may rent it.

    ``free_at`` is null while the number is rented, and lies ahead while a number that was given back rests. The row
    is what renting locks.
    """

    number = models.CharField(max_length=15, unique=True)
    country_iso = models.CharField(max_length=2)
    number_type = models.CharField(max_length=10, choices=NumberType)
    city = models.CharField(max_length=80, default="", blank=True)
    region = models.CharField(max_length=80, default="", blank=True)
    carrier = models.CharField(max_length=40, default="", blank=True)
    has_voice = models.BooleanField(default=True)
    has_sms = models.BooleanField(default=False)
    has_mms = models.BooleanField(default=False)
    monthly_amount = models.DecimalField(max_digits=10, decimal_places=5)
    setup_amount = models.DecimalField(max_digits=10, decimal_places=5, default=0)
    voice_rate = models.DecimalField(max_digits=10, decimal_places=5, default=0)
    sms_rate = models.DecimalField(max_digits=10, decimal_places=5, default=0)
    mms_rate = models.DecimalField(max_digits=10, decimal_places=5, default=0)
    is_sample = models.BooleanField(default=False)
    free_at = models.DateTimeField(null=True, default=timezone.now)
    loaded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "number in the inventory"
        verbose_name_plural = "inventory of numbers"
        constraints = [
            models.CheckConstraint(
                condition=Q(number__regex=r"^[1-9][0-9]{6,14}$"), name="inventory_number_e164"
            ),
            models.CheckConstraint(condition=Q(country_iso__regex=r"^[A-Z]{2}$"), name="inventory_country"),
            models.CheckConstraint(
                condition=Q(monthly_amount__gte=0, setup_amount__gte=0), name="inventory_amounts"
            ),
            models.CheckConstraint(
                condition=Q(has_voice=True) | Q(has_sms=True) | Q(has_mms=True), name="inventory_serves"
            ),
        ]
        indexes = [
            models.Index(
                fields=["country_iso", "number_type", "number"],
                name="inventory_free",
                condition=~Q(free_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"+{self.number}"

    @property
    def audit_label(self) -> str:
        """Name the number in the audit log."""
        return f"+{self.number}"

    @property
    def services(self) -> tuple[str, ...]:
        """Return what the number can do, in the words of the HTTP API."""
        names = ("voice", "sms", "mms")
        return tuple(name for name in names if getattr(self, f"has_{name}"))


class InventoryUpload(models.Model):
    """A CSV file of numbers: looked at first, then loaded or thrown away.

    ``text`` is emptied once it is decided. A second decision changes nothing.
    """

    class State(models.TextChoices):
        """How far the file is."""

        WAITING = "waiting", "To be looked at"
        LOADED = "loaded", "Loaded"
        DISCARDED = "discarded", "Thrown away"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100)
    text = models.TextField()
    is_sample = models.BooleanField("sample numbers, for trying things out", default=False)
    reason = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    good = models.PositiveIntegerField("lines to load", default=0)
    refused = models.PositiveIntegerField("lines refused", default=0)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "upload of numbers"
        verbose_name_plural = "uploads of numbers"

    def __str__(self) -> str:
        return self.name

    @property
    def audit_label(self) -> str:
        """Name the file in the audit log."""
        return self.name
