"""What people pick on the pricing pages."""

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator

from accounts.names import is_unseen
from billing.countries import Country, find_countries

_DAYS = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2100, 1, 1))]
_LONGEST_NUMBER = 15


class _Words(forms.CharField):
    """A short text to search with."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=60, **options)

    def clean(self, value: Any) -> str:
        """Return the text on one line."""
        text = str(super().clean(value))
        if any(is_unseen(character) for character in text):
            raise ValidationError("Use letters and digits.", code="characters")
        return text


class PriceForm(forms.Form):
    """A country, a number, a day, and words to find in the table."""

    country = _Words()
    number = _Words()
    on = forms.DateField(required=False, validators=_DAYS)
    words = _Words()

    def clean_number(self) -> str:
        """Return the digits of the number."""
        digits = "".join(
            character for character in self.cleaned_data["number"] if character not in "+()-./ \u00a0"
        ).removeprefix("00")
        if digits and not (digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_NUMBER):
            raise ValidationError(
                "Enter the number with its dial code, like +49 1512 3456789.", code="syntax"
            )
        return digits

    def clean(self) -> dict[str, Any]:
        """Find the countries that the words name."""
        values = super().clean() or {}
        self.found: list[Country] = find_countries(values.get("country", "")) if values.get("country") else []
        if values.get("country") and not self.found:
            self.add_error("country", "No country has this name, code or dial code.")
        return values
