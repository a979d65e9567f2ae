"""Look up tokens that somebody found, and those who may report them."""

from collections.abc import Sequence

from accounts.models import Credential, TokenScanner


def find_scanner(key_id: str) -> TokenScanner | None:
    """Return the active key of that identifier."""
    return TokenScanner.objects.filter(key_id=key_id[:128], is_active=True).first()


def find_by_digest(digests: Sequence[bytes]) -> dict[bytes, Credential]:
    """Return the tokens of these digests, live or not, in one query."""
    rows = Credential.objects.filter(digest__in=digests) if digests else ()
    return {bytes(row.digest): row for row in rows}
