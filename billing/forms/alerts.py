"""Forms of balance alerts."""

from decimal import Decimal
from typing import Any

from django import forms

from accounts.email_rules import EmailRefused, canonical_email
from console.core.forms import MoneyInput

_NAMES = ("first", "second", "third")


def _amount(label: str) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        required=False,
        min_value=Decimal("0.01"),
        max_value=Decimal(1_000_000),
        max_digits=9,
        decimal_places=2,
        widget=MoneyInput(attrs={"class": "input--short"}),
        error_messages={
            "invalid": "Enter an amount such as 75 or 75.50.",
            "min_value": "Enter an amount above $0.",
            "max_value": "Enter at most $1,000,000.",
            "max_digits": "Enter at most $1,000,000.",
            "max_whole_digits": "Enter at most $1,000,000.",
        },
    )


class AlertAmountsForm(forms.Form):
    """Choose up to three amounts beside the built-in ones; an empty field takes its amount away."""

    first = _amount("First amount")
    second = _amount("Second amount")
    third = _amount("Third amount")

    def amounts(self) -> list[Decimal]:
        """Return what was entered."""
        given = (self.cleaned_data[name] for name in _NAMES)
        return [amount for amount in given if amount is not None]

    @classmethod
    def showing(cls, amounts: list[Decimal], *, hint: str = "") -> "AlertAmountsForm":
        """Return the form with the amounts that are watched, and what a good first one is."""
        initial: dict[str, Any] = dict(zip(_NAMES, amounts, strict=False))
        form = cls(initial=initial)
        form.fields["first"].help_text = hint
        return form


class AlertAddressForm(forms.Form):
    """Add an address that hears of the balance."""

    email = forms.CharField(
        label="Add an address",
        max_length=1016,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Enter an address."},
    )

    def clean_email(self) -> str:
        """Return the address as mail is sent to it."""
        try:
            return canonical_email(self.cleaned_data["email"]).address.lower()
        except EmailRefused as error:
            raise forms.ValidationError(str(error), code=error.code) from error
