"""Forms of named tokens and of the policy for their life."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms

from accounts.names import NameRefused, clean_name
from accounts.token_rules import LIFETIMES

_NAME_LIMIT = 100
_LINES_LIMIT = 8000
_LAST_YEAR = 2099
_PRESETS = {"7d": 7, "30d": 30, "90d": 90, "180d": 180, "365d": 365}


class NamedTokenChangeForm(forms.Form):
    """Change the name of a token and the networks it may be used from."""

    name = forms.CharField(
        label="Name",
        max_length=_NAME_LIMIT,
        help_text="What uses it, like “Warehouse scanner, Rotterdam”.",
        error_messages={"required": "Enter a name."},
    )
    cidrs = forms.CharField(
        label="Only from these addresses",
        required=False,
        max_length=_LINES_LIMIT,
        help_text="One address or range on each line, like 203.0.113.7 or 2001:db8::/48. Empty means anywhere.",
        widget=forms.Textarea(
            attrs={"rows": 3, "class": "input--mono", "spellcheck": "false", "autocapitalize": "off"}
        ),
    )

    def clean_name(self) -> str:
        """Return the name on one line."""
        try:
            return clean_name(self.cleaned_data["name"], limit=_NAME_LIMIT)
        except NameRefused as error:
            raise forms.ValidationError(str(error), code=error.code) from error

    def clean_cidrs(self) -> list[str]:
        """Return the lines that hold something; what they hold is the service's to judge."""
        return [line.strip() for line in self.cleaned_data["cidrs"].splitlines() if line.strip()]


class NamedTokenForm(NamedTokenChangeForm):
    """Say what a new token may do, until when, and from where."""

    permissions = forms.MultipleChoiceField(
        label="Permissions",
        widget=forms.CheckboxSelectMultiple,
        help_text="It never does more than your role does at the time of the call.",
        error_messages={"required": "Tick what it may do."},
    )
    ends = forms.ChoiceField(label="Ends", widget=forms.Select)
    until = forms.DateTimeField(
        label="Date and time, if you choose them yourself",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    form_id = forms.UUIDField(widget=forms.HiddenInput)
    field_order = ("name", "permissions", "ends", "until", "cidrs", "form_id")

    def __init__(self, *args: Any, grantable: Mapping[str, str], days: int | None, **kwargs: Any) -> None:
        """Offer the permissions that the maker has, and the ends that the account's policy allows."""
        kwargs["initial"] = {
            "form_id": uuid.uuid4(),
            "permissions": ["read"],
            "ends": "90d" if days is None or days >= _PRESETS["90d"] else f"{days}d",
        }
        super().__init__(*args, **kwargs)
        self.fields["permissions"].choices = list(grantable.items())  # type: ignore[attr-defined]
        ends = [(key, f"After {count} days") for key, count in _PRESETS.items() if not days or count <= days]
        never = [] if days else [("never", "When somebody revokes it")]
        self.fields["ends"].choices = [*ends, ("date", "On a date that I choose"), *never]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Ask for the date when a date was chosen."""
        values = super().clean() or {}
        until = values.get("until")
        if values.get("ends") == "date" and "until" in values:
            if until is None:
                self.add_error("until", "Enter the date and time at which it ends.")
            elif until.year > _LAST_YEAR:
                self.add_error("until", "Choose a date before 2100.")
        return values

    def ends_at(self, now: datetime) -> datetime | None:
        """Return the chosen end of a valid form."""
        chosen = self.cleaned_data["ends"]
        if chosen == "date":
            end: datetime = self.cleaned_data["until"]
            return end
        return None if chosen == "never" else now + timedelta(days=_PRESETS[chosen])


def _days(text: str) -> int | None:
    return None if text == "none" else int(text)


class TokenLifetimeForm(forms.Form):
    """Choose how long tokens of the account may live."""

    days = forms.TypedChoiceField(
        label="Longest life of a token",
        choices=[*((str(days), f"{days} days") for days in LIFETIMES), ("none", "As long as its maker says")],
        coerce=_days,
        widget=forms.RadioSelect,
    )


class BurnForm(forms.Form):
    """Take a token that somebody found."""

    token = forms.CharField(
        label="The token you found",
        max_length=200,
        widget=forms.TextInput(
            attrs={
                "class": "input--mono",
                "spellcheck": "false",
                "autocapitalize": "off",
                "autocomplete": "off",
            }
        ),
    )
