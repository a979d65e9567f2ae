"""A factor that does not confirm everything yet."""

from django.db import models


class MayBeWeak(models.Model):
    """A factor that lets its owner in, but confirms no act on money, credentials or closing before ``weak_until``.

    None means that the factor is as good as any other. ``security.services.weakness`` decides it.
    """

    weak_until = models.DateTimeField(null=True)

    class Meta:
        abstract = True
