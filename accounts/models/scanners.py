"""Who may report leaked tokens."""

from django.db import models
from django.utils import timezone


class TokenScanner(models.Model):
    """A key of somebody who looks for leaked secrets, and signs what they report with it."""

    name = models.CharField(max_length=100)
    key_id = models.CharField("key identifier", max_length=128, unique=True)
    public_key = models.TextField(max_length=1000)
    is_active = models.BooleanField("active", default=True)
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "key of a token scanner"
        verbose_name_plural = "keys of token scanners"

    def __str__(self) -> str:
        return f"{self.name}, key {self.key_id[:12]}"

    @property
    def audit_label(self) -> str:
        """Name the key in the audit log."""
        return str(self)
