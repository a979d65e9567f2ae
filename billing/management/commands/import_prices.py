"""Compare a CSV file of prices with what counts, and publish it."""

from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import Account
from billing import services
from billing.services.prices import PricesRefused, check_prices, compare_lines, starts_at
from console.core.access import Actor
from console.core.errors import DomainError


class Command(BaseCommand):
    help = "Say what a CSV file of prices would change; with --publish, publish it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--name", required=True, help="how pages and mails call the list")
        parser.add_argument(
            "--on", required=True, type=date.fromisoformat, help="day from which it counts, in UTC"
        )
        parser.add_argument("--account", help="Auth ID, for contract rates of one account")
        parser.add_argument("--publish", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        account = self._account(options["account"])
        try:
            text = options["file"].read_text(encoding="utf-8-sig")
            found = compare_lines(check_prices(text), account=account, at=starts_at(options["on"]))
            self.stdout.write(
                f"{len(found.changes)} change in {len(found.countries)} countries, {found.increases} go up or end, "
                f"{found.same} stay as they are."
            )
            if options["publish"]:
                self._publish(account, text, options)
        except PricesRefused as error:
            for line in error.lines:
                self.stderr.write(str(line))
            raise CommandError(str(error)) from error
        except (OSError, UnicodeDecodeError, DomainError) as error:
            raise CommandError(str(error)) from error

    def _account(self, auth_id: str | None) -> Account | None:
        found = Account.objects.filter(auth_id=auth_id).first() if auth_id else None
        if auth_id and found is None:
            raise CommandError(f"No account has the Auth ID {auth_id}.")
        return found

    def _publish(self, account: Account | None, text: str, options: dict[str, Any]) -> None:
        actor, now = Actor(kind="staff"), timezone.now()
        given = {"name": options["name"], "effective_on": options["on"], "file_name": options["file"].name}
        loaded = services.load_prices(actor=actor, account=account, text=text, now=now, **given)
        published = services.publish_prices(actor=actor, public_id=loaded.public_id, now=now)
        self.stdout.write(f"Published; counts from {published.effective_at:%Y-%m-%d}.")
