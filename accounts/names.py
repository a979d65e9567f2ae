"""Clean the names of people and companies before anything else sees them."""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.deconstruct import deconstructible

from console.core.errors import DomainError

# Joiners shape Persian and Indic names; every other invisible character only hides something.
JOINERS = {"\u200c", "\u200d"}
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# A web address or an encoded word in a name turns our own mail into somebody's message.
MESSAGE_LIKE = re.compile(r"://|=\?.*\?=")


class NameRefused(DomainError):
    """The name is empty, too long, or has characters that a name has no use for."""


def clean_name(text: str, *, limit: int) -> str:
    """Return the name in NFC, trimmed, on one line, with single spaces.

    :raises NameRefused: with a sentence for the person who typed it
    """
    # Length comes first so that a megabyte costs nothing.
    if len(text) > limit * 4:
        raise _too_long(len(text), limit)
    if any(is_unseen(character) for character in text):
        raise NameRefused("Use letters, digits, spaces and punctuation on one line.", code="characters")
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if len(name) > limit:
        raise _too_long(len(name), limit)
    if not any(character.isalnum() for character in name):
        raise NameRefused("Enter a name with at least one letter or digit.", code="empty")
    if MESSAGE_LIKE.search(name):
        raise NameRefused("Leave web addresses out of the name.", code="address")
    return name


def is_unseen(character: str) -> bool:
    """Answer whether the character is a control, a text-direction override or otherwise invisible."""
    return unicodedata.category(character) in UNSEEN and character not in JOINERS


def _too_long(length: int, limit: int) -> NameRefused:
    return NameRefused(f"Use at most {limit} characters. This has {length:,}.", code="too_long")


@deconstructible
class NameValidator:
    """Refuse in a form what ``clean_name`` refuses."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def __call__(self, text: str) -> None:
        """Raise ValidationError with the reason."""
        try:
            clean_name(text, limit=self.limit)
        except NameRefused as error:
            raise ValidationError(str(error), code=error.code) from error

    def __eq__(self, other: object) -> bool:
        """Compare by limit, as migrations need."""
        return isinstance(other, NameValidator) and other.limit == self.limit

    def __hash__(self) -> int:
        """Hash by limit."""
        return hash((NameValidator, self.limit))
