"""Forms with which staff load numbers."""

from typing import Any

from django import forms

from accounts.names import NameRefused, clean_name
from subaccounts.models import InventoryUpload
from subaccounts.services.inventory_lines import COLUMNS, FileRefused, check_header

LOAD, DISCARD = "load", "discard"


class InventoryUploadForm(forms.ModelForm):
    """Upload a CSV file of numbers, to be looked at before it is loaded."""

    file = forms.FileField(
        label="CSV file",
        max_length=100,
        help_text=f"UTF-8, with the columns {', '.join(COLUMNS)}. Larger files: manage.py load_numbers.",
    )

    class Meta:
        model = InventoryUpload
        fields = ("is_sample", "reason")

    def clean_reason(self) -> str:
        """Return the reason on one line."""
        return _one_line(self.cleaned_data["reason"], limit=200)

    def clean_file(self) -> dict[str, str]:
        """Return name and text of the file."""
        file = self.cleaned_data["file"]
        try:
            text = file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise forms.ValidationError("The file is not UTF-8.", code="encoding") from error
        if "\x00" in text:
            raise forms.ValidationError("The file holds NUL: it is no CSV file.", code="nul")
        try:
            check_header(text)
        except FileRefused as error:
            raise forms.ValidationError(str(error), code=error.code) from error
        return {"name": _one_line(file.name, limit=100), "text": text}


class InventoryDecisionForm(forms.ModelForm):
    """Load a file that was looked at, or throw it away."""

    decision = forms.ChoiceField(
        label="Decision",
        choices=[(LOAD, "Load the good lines"), (DISCARD, "Throw the file away")],
        widget=forms.RadioSelect,
    )

    class Meta:
        model = InventoryUpload
        fields: tuple[str, ...] = ()

    def clean(self) -> dict[str, Any]:
        """Refuse to decide twice."""
        values = super().clean() or {}
        if self.instance.state != InventoryUpload.State.WAITING:
            raise forms.ValidationError("This file was decided already.", code="decided")
        return values


def _one_line(text: str, *, limit: int) -> str:
    try:
        return clean_name(" ".join(text.split()), limit=limit)
    except NameRefused as error:
        raise forms.ValidationError(str(error), code=error.code) from error
