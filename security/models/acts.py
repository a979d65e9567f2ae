"""Acts that wait for a confirmation."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone


class HeldAct(models.Model):
    """A sensitive POST that waits until its author confirmed it's them; replayed once, encrypted at rest."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="held_acts")
    session_id = models.UUIDField()
    path = models.CharField(max_length=2000)
    sealed_body = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    replayed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"held act {self.public_id}"

    @property
    def context(self) -> str:
        """Name the row for encryption."""
        return f"security.heldact:{self.public_id}"


class HeldFile(models.Model):
    """A file that came with a held act, encrypted with its name; deleted when the act is carried out or over."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    act = models.ForeignKey(HeldAct, models.CASCADE, related_name="files")
    number = models.PositiveSmallIntegerField()
    sealed = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["act", "number"], name="held_file_once")]

    def __str__(self) -> str:
        return f"held file {self.public_id}"

    @property
    def context(self) -> str:
        """Name the row for encryption."""
        return f"security.heldfile:{self.public_id}"
