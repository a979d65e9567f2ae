"""Messages that would have left the machine."""

import uuid

from django.db import models
from django.utils import timezone


class DevMessage(models.Model):
    """A mail, text or call of the development profile; ``reference`` is unique, so a repeat shows once."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True)
    reference = models.CharField(max_length=200, unique=True)
    channel = models.CharField(max_length=10)
    to = models.CharField(max_length=320)
    subject = models.CharField(max_length=300, default="")
    text = models.TextField()
    html = models.TextField(default="")
    links = models.JSONField(default=list)
    code = models.CharField(max_length=20, default="")
    sent_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["-id"], name="dev_message_newest")]
