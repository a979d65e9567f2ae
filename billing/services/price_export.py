"""Send price lists as CSV."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from billing.countries import Country
from billing.queries import price_sheets
from billing.queries.prices import Book, book_of, books_of, has_sample
from console.core.access import Actor
from console.core.exports import csv_lines
from console.core.permissions import Permission
from console.core.ratelimit import Limit, spend

_FILES = Limit("price-file", 120, 3600)


def export_prices(
    *, actor: Actor, sheet: str, country: Country | None, now: datetime
) -> tuple[Iterator[bytes], bool]:
    """Return the file of a country, or of all, piece by piece, and whether it comes from the sample.

    :raises TooManyRequests: if the account asks for too many files
    """
    actor.require_view(Permission.PRICING_VIEW)
    spend(
        _FILES, str(actor.account.pk), now=now, message="Too many price lists were asked for. Wait a while."
    )
    one = [book_of(actor.account, country, at=now)] if country else None
    books: Iterable[Book] = one or books_of(actor.account, at=now)
    return csv_lines(price_sheets.COLUMNS[sheet], price_sheets.sheet(sheet, books)), has_sample(at=now)
