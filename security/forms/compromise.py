"""Forms of the check-up and of lock-downs."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from accounts.names import NameRefused, clean_name
from security.models import Lockdown

LONGEST_SNOOZE = timedelta(days=365)


class SnoozeForm(forms.Form):
    """Say why a finding may wait, and until when."""

    reason = forms.CharField(
        label="Why it may wait",
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say why it may wait."},
    )
    until = forms.DateField(
        label="Until",
        help_text="A year from now at the latest. It comes back on the day after.",
        error_messages={"required": "Choose a date."},
        widget=forms.DateInput(attrs={"type": "date", "class": "input--short"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, zone: str, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone, self.today = ZoneInfo(zone), today

    def clean_reason(self) -> str:
        """Return the reason on one line."""
        return _one_line(self.cleaned_data["reason"], limit=200)

    def clean_until(self) -> date:
        """Refuse a day that is over, or too far away."""
        day: date = self.cleaned_data["until"]
        if not self.today <= day <= self.today + LONGEST_SNOOZE:
            raise forms.ValidationError("Choose a day from today to a year from now.", code="until")
        return day

    @property
    def until_at(self) -> datetime:
        """Return the end of the day, in the account's time zone."""
        return datetime.combine(self.cleaned_data["until"], time(23, 59, 59), tzinfo=self.zone)


class ChoiceOfAccountForm(forms.Form):
    """Choose the account that a mailed link locks down."""

    account = forms.ChoiceField(label="Account", widget=forms.RadioSelect)

    def __init__(self, *args: Any, accounts: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["account"].choices = accounts  # type: ignore[attr-defined]
        if len(accounts) == 1:
            self.fields["account"].widget = forms.HiddenInput()
            self.fields["account"].initial = accounts[0][0]


class LockdownNoteForm(forms.ModelForm):
    """Write down what was done about a lock-down, as staff."""

    note = forms.CharField(label="What was done", max_length=500, widget=forms.Textarea(attrs={"rows": 3}))

    class Meta:
        model = Lockdown
        fields: tuple[str, ...] = ("note",)

    def clean_note(self) -> str:
        """Return the note on one line."""
        return _one_line(self.cleaned_data["note"], limit=500)


def _one_line(text: str, *, limit: int) -> str:
    try:
        return clean_name(" ".join(text.split()), limit=limit)
    except NameRefused as error:
        raise forms.ValidationError(str(error), code=error.code) from error
