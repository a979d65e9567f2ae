"""Forms of the IP allowlist."""

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from accounts.names import NameRefused, clean_name
from security.forms.audit import _LAST_DAY
from security.models import AllowlistAccess


class AllowlistRequestForm(forms.Form):
    """Say why the account needs an IP allowlist, and for how many addresses."""

    reason = forms.CharField(
        label="What you need it for",
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=500,
        error_messages={"required": "Say what you need it for."},
    )
    addresses = forms.IntegerField(
        label="Number of addresses",
        min_value=1,
        max_value=10_000,
        help_text="Servers that call the API.",
        error_messages={"required": "Enter how many servers call the API."},
    )

    def clean_reason(self) -> str:
        """Return the reason on one line."""
        return _one_line(self.cleaned_data["reason"], limit=500)


class AllowlistChangeForm(forms.Form):
    """Change the label of an entry and the last day on which it lets callers in."""

    label = forms.CharField(label="Label", max_length=100, required=False)
    until = forms.DateField(
        label="Until",
        required=False,
        help_text="The last day on which it counts.",
        widget=forms.DateInput(attrs={"type": "date", "class": "input--short"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, zone: str, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone, self.today = ZoneInfo(zone), today

    def clean_label(self) -> str:
        """Return the label on one line."""
        label = self.cleaned_data["label"]
        return _one_line(label, limit=100) if label.strip() else ""

    def clean_until(self) -> date | None:
        """Refuse a day that is over."""
        day = self.cleaned_data["until"]
        if day is not None and not self.today <= day <= _LAST_DAY:
            raise forms.ValidationError("Choose today or a later day.", code="until")
        return day

    @property
    def expires_at(self) -> datetime | None:
        """Return the end of the last day, in the account's time zone."""
        day = self.cleaned_data["until"]
        return datetime.combine(day, time(23, 59, 59), tzinfo=self.zone) if day else None


class AllowlistEntryForm(AllowlistChangeForm):
    """Name a network whose callers are let in."""

    network = forms.CharField(
        label="Address or range",
        max_length=64,
        help_text="IPv4 or IPv6, alone or in CIDR form: 203.0.113.7 or 203.0.113.0/24.",
        error_messages={"required": "Enter an address or a range."},
        widget=forms.TextInput(
            attrs={"class": "input--mono", "spellcheck": "false", "autocapitalize": "off"}
        ),
    )
    field_order = ("network", "label", "until")


class AllowlistDecisionForm(forms.ModelForm):
    """Grant or decline a request for an allowlist, as staff."""

    decision = forms.ChoiceField(
        label="Decision", choices=[("approve", "Approve"), ("decline", "Decline")], widget=forms.RadioSelect
    )
    note = forms.CharField(
        label="Note to the customer", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    class Meta:
        model = AllowlistAccess
        fields: tuple[str, ...] = ()

    def clean_note(self) -> str:
        """Return the note on one line."""
        note = self.cleaned_data["note"]
        return _one_line(note, limit=500) if note.strip() else ""

    def clean(self) -> dict[str, Any]:
        """Refuse a declined request without a word."""
        values = super().clean() or {}
        if values.get("decision") == "decline" and not values.get("note"):
            self.add_error("note", "Write why. The customer reads it.")
        if self.instance.state != AllowlistAccess.State.REQUESTED:
            raise forms.ValidationError("This request was decided already.", code="decided")
        return values


def _one_line(text: str, *, limit: int) -> str:
    try:
        return clean_name(" ".join(text.split()), limit=limit)
    except NameRefused as error:
        raise forms.ValidationError(str(error), code=error.code) from error
