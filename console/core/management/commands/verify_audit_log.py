"""Verify the hash chains of the audit log."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from console.core import audit


class Command(BaseCommand):
    help = "Verify the hash chains of the audit log; fails and lists the places when one does not hold."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--chain", help="Only this chain, such as account:12.")

    def handle(self, *args: Any, **options: Any) -> None:
        flaws = audit.verify(options["chain"])
        for flaw in flaws:
            self.stderr.write(f"{flaw.chain} #{flaw.seq}: {flaw.problem}")
        if flaws:
            raise CommandError(f"{len(flaws)} places do not hold.")
        self.stdout.write("Every chain holds.")
