"""What a subaccount may spend in a month, and what it spent."""

from django.db import models
from django.db.models import Q

from accounts.tenancy import TenantModel
from subaccounts.models.subaccounts import Subaccount


class SpendLimit(TenantModel):
    """The most that a subaccount may spend in a calendar month of its account's time zone."""

    class Stop(models.TextChoices):
        """What happens at the limit."""

        HARD = "hard", "Stop its calls and messages"
        SOFT = "soft", "Send mail, and let it go on"

    subaccount = models.OneToOneField(Subaccount, models.CASCADE, related_name="limit")
    amount = models.DecimalField(max_digits=18, decimal_places=5)
    alert_percent = models.PositiveSmallIntegerField(null=True)
    stop = models.CharField(max_length=4, choices=Stop, default=Stop.HARD)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="spend_limit_is_more_than_nothing"),
            models.CheckConstraint(
                condition=Q(alert_percent=None) | Q(alert_percent__range=(1, 99)),
                name="spend_limit_alert_percent",
            ),
        ]

    @property
    def is_hard(self) -> bool:
        """Say whether reaching the limit stops calls and messages."""
        return self.stop == self.Stop.HARD


class MonthSpend(TenantModel):
    """What a subaccount spent in one month, and which of its limit's marks were told about in that month."""

    subaccount = models.ForeignKey(Subaccount, models.CASCADE, related_name="months", db_index=False)
    month = models.DateField()
    amount = models.DecimalField(max_digits=18, decimal_places=5)
    alerted_at = models.DateTimeField(null=True)
    reached_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subaccount", "month"], name="month_spend_once"),
            models.CheckConstraint(condition=Q(month__day=1), name="month_spend_from_the_first"),
        ]
