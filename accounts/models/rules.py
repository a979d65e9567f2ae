"""What staff allow or block at sign-up."""

from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone


class EmailDomainRule(models.Model):
    """A domain that staff allow or block at sign-up, whatever the packaged lists say."""

    class Verdict(models.TextChoices):
        """What the rule says."""

        ALLOW = "allow", "Allow"
        BLOCK = "block", "Block"

    domain = models.CharField(max_length=253, unique=True)
    verdict = models.CharField(max_length=5, choices=Verdict)
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"{self.verdict} {self.domain}"


class NetworkRule(models.Model):
    """A network that staff allow or block at sign-up."""

    network = models.CharField(max_length=43, unique=True)
    verdict = models.CharField(max_length=5, choices=EmailDomainRule.Verdict)
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"{self.verdict} {self.network}"


class PhonePrefixRule(models.Model):
    """A number prefix, in E.164, to which no code is sent."""

    prefix = models.CharField(
        max_length=16,
        unique=True,
        validators=[RegexValidator(r"^\+[1-9][0-9]{0,14}$", "Write + and digits.")],
    )
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.prefix
