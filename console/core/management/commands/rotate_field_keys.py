"""Seal every encrypted column again with the newest key, so that older keys may leave the ring."""

# ruff: noqa: SLF001 - the model API for tools of this kind has leading underscores

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction

from console.core import crypto

_PREFIX = "sealed"


class Command(BaseCommand):
    """Work in batches of locked rows while the console runs; a second run finds nothing left to do."""

    help = "Re-encrypt every sealed column with the first key of FIELD_KEYS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the size of a batch."""
        parser.add_argument("--batch", type=int, default=500)

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate each column, and fail when a value could not be read."""
        unreadable = 0
        for model, column in sealed_columns():
            done, failed = rotate(model, column, batch=options["batch"])
            unreadable += failed
            self.stdout.write(f"{model._meta.label}.{column}: {done} sealed again, {failed} unreadable")
        if unreadable:
            raise CommandError(
                f"{unreadable} values cannot be read. Keep the old keys, and look at the rows."
            )


def sealed_columns() -> Iterator[tuple[type[models.Model], str]]:
    """Yield every encrypted column: a binary field named ``sealed…`` of a model that names its ``context``."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, models.BinaryField) and field.name.startswith(_PREFIX):
                yield model, field.name


def rotate(model: type[models.Model], column: str, *, batch: int) -> tuple[int, int]:
    """Seal the column of every row with the newest key, and return how many were done and how many failed."""
    done = failed = last = 0
    while keys := _next_keys(model, column, after=last, count=batch):
        for key in keys:
            outcome = _reseal(model, column, key)
            done, failed = done + (outcome is True), failed + (outcome is None)
        last = keys[-1]
    return done, failed


def _next_keys(model: type[models.Model], column: str, *, after: int, count: int) -> list[int]:
    rows = model._base_manager.filter(pk__gt=after).exclude(**{column: None})
    return list(rows.order_by("pk").values_list("pk", flat=True)[:count])


@transaction.atomic
def _reseal(model: type[models.Model], column: str, key: int) -> bool | None:
    """Return True when the value was sealed again, False when it needed nothing, None when it is unreadable."""
    row: Any = model._base_manager.select_for_update().filter(pk=key).first()
    sealed = bytes(getattr(row, column) or b"") if row else b""
    if not sealed:
        return False
    try:
        fresh = crypto.reseal(sealed, context=row.context)
    except crypto.Undecryptable:
        return None
    if fresh is None:
        return False
    model._base_manager.filter(pk=key).update(**{column: fresh})
    return True
