"""Which reported events were taken in."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models


class TakenEvent(models.Model):
    """One event that was charged, by the id its reporter gave it; ``digest`` tells a repetition from another event."""

    event_id = models.UUIDField(primary_key=True)
    digest = models.BinaryField(max_length=16)
    taken_at = models.DateTimeField()

    class Meta:
        indexes = [BrinIndex(fields=["taken_at"], name="taken_event_by_time")]
