"""Answers of the API that may not have arrived."""

from django.db import models
from django.utils import timezone

from accounts.tenancy import TenantModel


class KeptAnswer(TenantModel):
    """The answer to a call that changed something, kept from the change until the answer has left the server.

    A row that outlives its request says that the answer was lost on the way: the same call within a minute is a
    repetition and gets it. ``digest`` stands for the credential, the operation and everything it was told.
    """

    digest = models.BinaryField(max_length=32, unique=True)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField(default=dict)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["made_at"], name="answer_made")]
