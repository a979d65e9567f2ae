"""Load the sample price list."""

import csv
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from billing.sample_prices import sample_lines
from billing.services.price_file import COLUMNS
from billing.services.prices import has_prices, load_sample

# Before every usage of the demo.
_STARTS_AT = datetime(2020, 1, 1, tzinfo=UTC)


class Command(BaseCommand):
    help = "Load the sample price list of every country, unless there are prices already."

    def handle(self, *args: Any, **options: Any) -> None:
        if has_prices():
            self.stdout.write("There are prices already.")
            return
        published = load_sample(text=sample_text(), at=_STARTS_AT, now=timezone.now())
        self.stdout.write("Loaded the sample price list." if published else "There are prices already.")


def sample_text() -> str:
    """Return the sample as a file that could be imported."""
    sheet = StringIO(newline="")
    writer = csv.writer(sheet)
    writer.writerow(COLUMNS)
    writer.writerows(sample_lines())
    return sheet.getvalue()
