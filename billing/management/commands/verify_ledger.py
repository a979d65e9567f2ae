"""Verify that every balance is the sum of its ledger."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing import services


class Command(BaseCommand):
    help = "Verify that every balance is the sum of its ledger; fails and lists the accounts where it is not."

    def handle(self, *args: Any, **options: Any) -> None:
        check = services.verify_ledger(now=timezone.now())
        for problem in check.problems:
            self.stderr.write(", ".join(f"{name} {value}" for name, value in problem.items()))
        if check.problems:
            raise CommandError(f"{len(check.problems)} accounts do not add up.")
        self.stdout.write(f"{check.accounts} balances are the sums of {check.entries} entries.")
