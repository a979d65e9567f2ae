"""The filters of the usage log and of its charts."""

import re
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from subaccounts.models import UsageDirection, UsageKind, UsageStatus
from subaccounts.queries.countries import country_options
from subaccounts.queries.usage import MAIN, Place, UsageFilters, read_place
from subaccounts.queries.usage_choices import SubaccountChoices

_LONGEST = 128
_SPACING = re.compile(r"[\s().-]")
_BARE = re.compile(r"[1-9][0-9]{7,14}")
_PERIODS = (("14", "14 days"), ("30", "30 days"), ("90", "90 days"))
_NUMBER = {"class": "input--mono", "spellcheck": "false", "autocomplete": "off"}


def _countries() -> list[tuple[str, str]]:
    return [("", "Any"), *country_options()]


def _moment(label: str) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, required=False, widget=widget)


class _PartForm(forms.Form):
    """Ask for the main account, or one subaccount, by its Auth ID."""

    subaccount = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, parts: SubaccountChoices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parts = parts
        named = [(key, row.name) for key, row in parts.rows.items()]
        everything: list[Any] = [("", "All"), (MAIN, "Main account"), *named]
        self.fields["subaccount"].choices = everything  # type: ignore[attr-defined]

    @property
    def words(self) -> dict[str, str]:
        """Return the filters that are set, as they stand in the address."""
        names = (name for name in self.fields if name not in {"before", "after"})
        return {name: text for name in names if (text := str(self.data.get(name) or "").strip())}


class UsageLogForm(_PartForm):
    """Ask which calls and messages to show. Times are those of the account's zone."""

    field_order = ("since", "until", "kind", "direction", "from_number", "to_number", "country", "status")
    kind = forms.ChoiceField(required=False, choices=[("", "All"), *UsageKind.choices])
    direction = forms.ChoiceField(required=False, choices=[("", "Both"), *UsageDirection.choices])
    status = forms.ChoiceField(required=False, choices=[("", "Any"), *UsageStatus.choices])
    country = forms.ChoiceField(required=False, choices=_countries)
    from_number = forms.CharField(
        label="From", required=False, max_length=_LONGEST, widget=forms.TextInput(attrs=_NUMBER)
    )
    to_number = forms.CharField(
        label="To", required=False, max_length=_LONGEST, widget=forms.TextInput(attrs=_NUMBER)
    )
    since = _moment("Since")
    until = _moment("Until")
    before = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput())
    after = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput())

    def clean_from_number(self) -> str:
        """Return the number in the form in which the log keeps it."""
        return _number(self.cleaned_data["from_number"])

    def clean_to_number(self) -> str:
        """Return the number in the form in which the log keeps it."""
        return _number(self.cleaned_data["to_number"])

    def clean_before(self) -> Place | None:
        """Return the place in the log, or None."""
        return _place(self.cleaned_data["before"])

    def clean_after(self) -> Place | None:
        """Return the place in the log, or None."""
        return _place(self.cleaned_data["after"])

    def clean(self) -> dict[str, Any]:
        """Refuse a time that ends before it begins."""
        values = super().clean() or {}
        since, until = values.get("since"), values.get("until")
        if since and until and until <= since:
            self.add_error("until", "Choose a time after the first.")
        return values

    def filters(self) -> UsageFilters:
        """Return the filters of a valid form."""
        values = dict(self.cleaned_data)
        for name in ("before", "after"):
            values.pop(name)
        chosen = values.pop("subaccount")
        return UsageFilters(subaccount=self.parts.rows.get(chosen, chosen), words=self.words, **values)


class UsageDaysForm(_PartForm):
    """Ask of which days, and of what, to draw the usage."""

    field_order = ("period", "kind", "direction")
    period = forms.ChoiceField(required=False, choices=_PERIODS)
    kind = forms.ChoiceField(required=False, choices=[("", "All"), *UsageKind.choices])
    direction = forms.ChoiceField(required=False, choices=[("", "Both"), *UsageDirection.choices])

    def span(self, *, today: date) -> tuple[date, date]:
        """Return the first and the last day of a valid form."""
        days = int(self.cleaned_data["period"] or _PERIODS[0][0])
        return today - timedelta(days=days - 1), today


def _number(text: str) -> str:
    """Return a phone number as +31612345678; sender IDs and SIP addresses stay as they are."""
    plain = _SPACING.sub("", text)
    if _BARE.fullmatch(plain):
        return f"+{plain}"
    return plain if plain.startswith("+") else text.strip()


def _place(text: str) -> Place | None:
    if not text:
        return None
    place = read_place(text)
    if place is None:
        raise ValidationError("This page of the log is unknown. Open the newest one.", code="place")
    return place
