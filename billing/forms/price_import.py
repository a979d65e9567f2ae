"""Forms with which staff load and publish price lists."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.names import NameRefused, clean_name
from billing.models import PriceImport
from billing.services.price_file import COLUMNS
from billing.services.prices import PricesRefused, check_prices

_MOST_BYTES = 4_000_000


class PriceImportForm(forms.ModelForm):
    """Upload a CSV file of prices, to be looked at before it is published."""

    file = forms.FileField(
        label="CSV file",
        max_length=100,
        help_text=f"UTF-8, with the columns {', '.join(COLUMNS)}. A line without a rate takes the price back.",
    )

    class Meta:
        model = PriceImport
        fields = ("name", "account", "effective_on")

    def clean_name(self) -> str:
        """Return the name on one line."""
        try:
            return clean_name(self.cleaned_data["name"], limit=120)
        except NameRefused as error:
            raise ValidationError(str(error), code=error.code) from error

    def clean_file(self) -> dict[str, str]:
        """Return name and text of the file; refuse it with every line that cannot be published."""
        file = self.cleaned_data["file"]
        if file.size > _MOST_BYTES:
            raise ValidationError("The file is larger than 4 MB.", code="too_large")
        try:
            text = file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValidationError("The file is not UTF-8.", code="encoding") from error
        if "\x00" in text:
            raise ValidationError("The file holds NUL: it is no CSV file.", code="nul")
        try:
            check_prices(text)
        except PricesRefused as error:
            raise ValidationError(
                [ValidationError(str(line), code=error.code) for line in error.lines]
            ) from error
        try:
            return {"file_name": clean_name(file.name, limit=120), "text": text}
        except NameRefused as error:
            raise ValidationError(str(error), code=error.code) from error


class PricePublishForm(forms.ModelForm):
    """Publish a file whose differences were looked at."""

    publish = forms.BooleanField(
        label="Publish these prices",
        help_text="Published prices stay as they are; a later list replaces them.",
    )

    class Meta:
        model = PriceImport
        fields: tuple[str, ...] = ()

    def clean(self) -> dict[str, Any]:
        """Refuse to publish twice."""
        values = super().clean() or {}
        if self.instance.price_list_id is not None:
            raise ValidationError("This file was published already.", code="published")
        return values
