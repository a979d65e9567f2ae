"""Load a CSV file of numbers into the inventory, however large."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from console.core.errors import DomainError
from subaccounts.services.inventory import Report, load_file, look_at

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "numbers.csv"
_LONGEST = 2000


class Command(BaseCommand):
    help = (
        "Load numbers from a CSV file, or the sample of the project; with --check only say what it would do."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="CSV file; without it the sample is loaded")
        parser.add_argument("--check", action="store_true", help="change nothing")
        parser.add_argument("--sample", action="store_true", help="mark the numbers as sample")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"] or SAMPLE
        is_sample = options["sample"] or options["file"] is None
        try:
            with path.open(encoding="utf-8", newline="") as file:
                report = self._read(file, path.name, is_sample=is_sample, is_check=options["check"])
        except (OSError, UnicodeDecodeError, DomainError) as error:
            raise CommandError(str(error)) from error
        for line in report.refusals:
            self.stderr.write(f"Line {line.place}: {line.reason}.")
        verb = "would be" if options["check"] else "are"
        text = f"{report.new} numbers {verb} new, {report.changed} {verb} changed, {report.refused} refused."
        self.stdout.write(text)

    def _read(self, file: TextIO, name: str, *, is_sample: bool, is_check: bool) -> Report:
        if is_check:
            return look_at(_lines(file), is_sample=is_sample)
        return load_file(source=_lines(file), name=name, is_sample=is_sample, now=timezone.now())


def _lines(file: TextIO) -> Iterator[str]:
    """Yield lines without ever reading a very long one whole."""
    while line := file.readline(_LONGEST):
        yield line
