"""What an account asks of the second factors of its members."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q


class FactorPolicy(models.Model):
    """The account asks for an authenticator app or a passkey; without a row any second factor will do.

    From ``enforced_from`` on a member without one is led to add one when they sign in. ``remind_at`` is when
    those who lack one are told next.
    """

    account = models.OneToOneField("accounts.Account", models.CASCADE, related_name="factor_policy")
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    set_at = models.DateTimeField()
    grace_days = models.PositiveSmallIntegerField()
    enforced_from = models.DateTimeField()
    remind_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["remind_at"], name="factor_policy_due", condition=~Q(remind_at=None)),
        ]

    def __str__(self) -> str:
        return f"sign-in rules of {self.account}"

    @property
    def audit_label(self) -> str:
        """Name the rules in the audit log."""
        return "Sign-in rules"

    def is_enforced(self, now: datetime) -> bool:
        """Say whether the days of grace are over."""
        return self.enforced_from <= now
