"""Forms of subaccounts: their names, what they may spend, where they may call from, and how they go."""

import uuid
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms

from accounts.names import NameValidator
from console.core.forms import Cards, MoneyInput
from subaccounts.models import SpendLimit

STATES = {"": "All states", "enabled": "Enabled", "stopped": "Stopped at limit", "disabled": "Disabled"}
_NAME_LIMIT = 255
_LINES_LIMIT = 8000
_PERCENTS = (50, 75, 80, 90)
_FATES = (("move", "Move to the main account"), ("cascade", "Delete as well"))
_FATE_HINTS = {
    "move": "Numbers keep working and keep their rent.",
    "cascade": "Numbers are given back. They may go to someone else.",
}


class SubaccountFilterForm(forms.Form):
    """Ask which subaccounts to show."""

    q = forms.CharField(required=False, max_length=_NAME_LIMIT)
    state = forms.ChoiceField(required=False, choices=list(STATES.items()))


class SubaccountNameForm(forms.Form):
    """Give a subaccount its name."""

    name = forms.CharField(
        label="Name",
        max_length=_NAME_LIMIT,
        validators=[NameValidator(_NAME_LIMIT)],
        help_text="A team, an app or a customer, like “Driver app”.",
        error_messages={"required": "Enter a name."},
    )


class SubaccountMakeForm(SubaccountNameForm):
    """Create a subaccount. ``form_id`` lets a form that is sent twice make one."""

    is_enabled = forms.BooleanField(label="Let it call the API at once", required=False, initial=True)
    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"form_id": uuid.uuid4()}
        super().__init__(*args, **kwargs)


class SubaccountLimitForm(forms.Form):
    """Say what a subaccount may spend in a month, when mail warns, and what happens at the limit."""

    amount = forms.CharField(
        label="Limit for each month",
        required=False,
        max_length=20,
        widget=MoneyInput(attrs={"class": "input--short"}),
        help_text="In US dollars. Empty means no limit.",
    )
    alert_percent = forms.TypedChoiceField(
        label="Send mail before it",
        required=False,
        choices=[("", "Only at the limit"), *((str(one), f"At {one}% of it") for one in _PERCENTS)],
        coerce=int,
        empty_value=None,
    )
    stop = forms.ChoiceField(
        label="At the limit",
        choices=SpendLimit.Stop.choices,
        widget=Cards(
            choices=SpendLimit.Stop.choices,
            hints={
                "hard": "New calls and messages are refused until the next month, or until the limit is raised.",
                "soft": "Owner and admins get a mail. Nothing else changes.",
            },
        ),
    )

    def clean_amount(self) -> Decimal | None:
        """Return the amount in dollars and cents, or None for no limit."""
        text = self.cleaned_data["amount"].replace(",", "").strip().removeprefix("$")
        if not text:
            return None
        try:
            amount = Decimal(text) if text.isascii() else Decimal("NaN")
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or amount != round(amount, 2):
            raise forms.ValidationError("Enter an amount such as 250 or 250.00.")
        return amount


class SubaccountNetworksForm(forms.Form):
    """Name the addresses that may call as a subaccount."""

    cidrs = forms.CharField(
        label="Only from these addresses",
        required=False,
        max_length=_LINES_LIMIT,
        help_text="One address or range on each line, like 203.0.113.7 or 2001:db8::/48. Empty means anywhere that the account allows.",
        widget=forms.Textarea(
            attrs={"rows": 4, "class": "input--mono", "spellcheck": "false", "autocapitalize": "off"}
        ),
    )

    def clean_cidrs(self) -> list[str]:
        """Return the lines that hold something; what they hold is the service's to judge."""
        return [line.strip() for line in self.cleaned_data["cidrs"].splitlines() if line.strip()]


class SubaccountDeleteForm(forms.Form):
    """Choose what becomes of what the subaccount owns."""

    fate = forms.ChoiceField(
        label="What happens to what it owns",
        choices=_FATES,
        initial="move",
        widget=Cards(choices=_FATES, hints=_FATE_HINTS),
        error_messages={"required": "Choose what happens to what it owns."},
    )

    def __init__(self, *args: Any, words: str, **kwargs: Any) -> None:
        """Ask about what there is, in words; without any the answer is the one that loses nothing."""
        super().__init__(*args, **kwargs)
        self.fields["fate"].label = f"What happens to its {words}?"
        if not words:
            self.fields["fate"].widget = forms.HiddenInput()
