"""Write CSV that spreadsheets read as text, never as formulas (RFC 4180, OWASP ASVS 5.0 1.2.10)."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

_ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\0")


def safe_text(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run."""
    return f"'{text}" if text.startswith(_ACTIVE) else text


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV with CRLF; texts are made safe, numbers stay as they are."""
    sheet = StringIO(newline="")
    writer = csv.writer(sheet)
    for row in rows:
        writer.writerow([safe_text(cell) if isinstance(cell, str) else cell for cell in row])
    return sheet.getvalue()


def csv_lines(header: Sequence[str], batches: Iterable[Iterable[Sequence[object]]]) -> Iterator[bytes]:
    """Yield a CSV file piece by piece, in UTF-8."""
    yield csv_text([header]).encode()
    for batch in batches:
        yield csv_text(batch).encode()
