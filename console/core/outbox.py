"""Share the life of a row that a worker must act on: lease it, finish it, or try again later."""

import random
from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import F, Q

_LONGEST_WAIT = 3600


class Work(models.Model):
    """A row of due work that survives dead workers and a dead broker.

    ``due_at`` is when it may be tried next; a lease that runs out makes it due again.
    """

    due_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=100, default="")

    objects = models.Manager()

    class Meta:
        abstract = True

    @classmethod
    def waiting(cls) -> Q:
        """Return the condition for rows that are neither done nor given up."""
        return Q(done_at=None, failed_at=None)

    @classmethod
    def lease(cls, pk: int, *, now: datetime, seconds: int) -> Self | None:
        """Take the row for a while, or return None when it is done, taken or not yet due."""
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        taken = cls.objects.filter(free, cls.waiting(), pk=pk, due_at__lte=now).update(
            leased_until=now + timedelta(seconds=seconds), attempts=F("attempts") + 1
        )
        return cls.objects.get(pk=pk) if taken else None

    @classmethod
    def overdue(cls, *, now: datetime, limit: int) -> list[Self]:
        """Return rows whose time has come and that nobody holds, oldest first."""
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        return list(cls.objects.filter(free, cls.waiting(), due_at__lte=now).order_by("due_at")[:limit])

    def finish(self, *, now: datetime) -> None:
        """Mark the work as done."""
        self.done_at, self.leased_until = now, None
        self.save(update_fields=["done_at", "leased_until"])

    def postpone(self, *, now: datetime, reason: str, at_least: int = 0) -> None:
        """Give the row back and try again later, with a growing wait."""
        wait = max(at_least, min(_LONGEST_WAIT, 2 ** min(self.attempts, 12)) * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load
        self.due_at, self.leased_until = now + timedelta(seconds=wait), None
        self.last_error = reason[:100]
        self.save(update_fields=["due_at", "leased_until", "last_error"])

    def give_up(self, *, now: datetime, reason: str) -> None:
        """Stop trying; staff see the row and its reason."""
        self.failed_at, self.leased_until, self.last_error = now, None, reason[:100]
        self.save(update_fields=["failed_at", "leased_until", "last_error"])
