"""The filters of the statement."""

import calendar
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from billing.models import LedgerEntry
from billing.queries.statement import MAIN, Place, StatementFilters
from subaccounts.queries.usage_choices import SubaccountChoices

_PLACE = re.compile(r"([0-9]{1,16})-([0-9]{1,18})")
_MONTHS = 120


class StatementForm(forms.Form):
    """Ask for a month, or a day up to which to look, and what kind of entries."""

    month = forms.ChoiceField(required=False)
    kind = forms.ChoiceField(required=False, choices=[("", "All entries"), *LedgerEntry.Kind.choices])
    subaccount = forms.ChoiceField(required=False)
    until = forms.DateField(
        label="As of", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    before = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput())
    after = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput())

    def __init__(self, *args: Any, parts: SubaccountChoices, opened: date, today: date, **more: Any) -> None:
        super().__init__(*args, **more)
        self.parts, self.today, self.opened = parts, today, opened
        named = [(key, row.name) for key, row in parts.rows.items()]
        everything: list[Any] = [("", "All subaccounts"), (MAIN, "Main account"), *named]
        self.fields["subaccount"].choices = everything  # type: ignore[attr-defined]
        self.fields["month"].choices = list(_months(opened, today))  # type: ignore[attr-defined]

    def clean_until(self) -> date | None:
        """Refuse a day on which nothing can have been entered yet."""
        until: date | None = self.cleaned_data["until"]
        if until and not self.opened <= until <= self.today:
            raise ValidationError("Choose a day between the account's first one and today.", code="day")
        return until

    def clean_before(self) -> Place | None:
        """Return the place in the statement, or None."""
        return _place(self.cleaned_data["before"])

    def clean_after(self) -> Place | None:
        """Return the place in the statement, or None."""
        return _place(self.cleaned_data["after"])

    @property
    def words(self) -> dict[str, str]:
        """Return the filters that are set, as they stand in the address."""
        names = ("month", "kind", "subaccount", "until")
        return {name: text for name in names if (text := str(self.data.get(name) or "").strip())}

    def filters(self) -> StatementFilters:
        """Return the filters of a valid form; a day wins over a month."""
        given, until = self.cleaned_data, self.cleaned_data["until"]
        month = given["month"] or f"{self.today:%Y-%m}"
        first = until.replace(day=1) if until else date.fromisoformat(f"{month}-01")
        last = until or first.replace(day=calendar.monthrange(first.year, first.month)[1])
        chosen = given["subaccount"]
        part = self.parts.rows.get(chosen, chosen)
        return StatementFilters(first, last, given["kind"], part, self.words)


def _months(opened: date, today: date) -> Any:
    month = today.replace(day=1)
    for _ in range(_MONTHS):
        yield f"{month:%Y-%m}", f"{month:%B %Y}"
        if month <= opened:
            return
        month = (month - timedelta(days=1)).replace(day=1)


def _place(text: str) -> Place | None:
    if not text:
        return None
    found = _PLACE.fullmatch(text)
    if found is None:
        raise ValidationError("This page of the statement is unknown. Open the newest one.", code="place")
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(found[1]))
    return Place(at, int(found[2]))
