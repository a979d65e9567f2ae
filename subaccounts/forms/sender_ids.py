"""Forms of sender IDs."""

from collections.abc import Iterable
from typing import Any

from django import forms

from accounts.names import NameRefused, clean_name
from subaccounts.forms.numbers import OwnerField, owner_options
from subaccounts.models import SenderId, Subaccount
from subaccounts.queries.countries import country_options
from subaccounts.queries.numbers import MAIN
from subaccounts.services.sender_ids import SenderRefused, check_sender

_PLACE = 2**62


class SenderIdFilterForm(forms.Form):
    """Ask which sender IDs to show."""

    state = forms.ChoiceField(label="State", required=False, choices=[("", "Any"), *SenderId.State.choices])
    country = forms.ChoiceField(label="Country", required=False)
    owner = forms.ChoiceField(label="Belongs to", required=False)
    before = forms.IntegerField(required=False, min_value=1, max_value=_PLACE, widget=forms.HiddenInput())
    after = forms.IntegerField(required=False, min_value=0, max_value=_PLACE, widget=forms.HiddenInput())

    def __init__(self, *args: Any, subaccounts: Iterable[Subaccount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["country"].choices = [("", "Any"), *country_options()]  # type: ignore[attr-defined]
        self.fields["owner"].choices = [("", "Anybody"), *owner_options(subaccounts)]  # type: ignore[attr-defined]

    @property
    def words(self) -> dict[str, str]:
        """Return the filters that are set, as they stand in the address."""
        names = ("state", "country", "owner")
        return {name: value for name in names if (value := str(self.data.get(name) or "").strip())}


class SenderIdRequestForm(forms.Form):
    """Ask for a name under which messages are sent to a country."""

    sender = forms.CharField(
        label="Sender ID",
        max_length=11,
        help_text="3 to 11 letters, digits and spaces, with at least one letter.",
        widget=forms.TextInput(attrs={"class": "input--short input--mono", "spellcheck": "false"}),
        error_messages={"required": "Enter the name that phones will show."},
    )
    country_iso = forms.ChoiceField(
        label="Country", help_text="Each country is decided by itself: its operators have rules of their own."
    )
    subaccount = OwnerField(label="For", initial=MAIN)
    purpose = forms.CharField(
        label="What for",
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Whose name it is, and what the messages say.",
        error_messages={"required": "Say what the messages are for."},
    )

    def __init__(self, *args: Any, subaccounts: Iterable[Subaccount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["country_iso"].choices = [("", "Choose a country"), *country_options()]  # type: ignore[attr-defined]
        self.fields["subaccount"].choices = owner_options(subaccounts)  # type: ignore[attr-defined]

    def clean_sender(self) -> str:
        """Return the name as phones show it."""
        try:
            return check_sender(self.cleaned_data["sender"])
        except SenderRefused as error:
            raise forms.ValidationError(str(error), code=error.code) from error

    def clean_purpose(self) -> str:
        """Return the purpose on one line."""
        return _one_line(self.cleaned_data["purpose"], limit=300)


class SenderIdDecisionForm(forms.ModelForm):
    """Whitelist or decline a sender ID, as staff."""

    decision = forms.ChoiceField(
        label="Decision", choices=[("approve", "Whitelist"), ("decline", "Decline")], widget=forms.RadioSelect
    )
    note = forms.CharField(
        label="Note to the customer", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    class Meta:
        model = SenderId
        fields: tuple[str, ...] = ()

    def clean_note(self) -> str:
        """Return the note on one line."""
        note = self.cleaned_data["note"]
        return _one_line(note, limit=500) if note.strip() else ""

    def clean(self) -> dict[str, Any]:
        """Refuse a declined request without a word, and one that was decided."""
        values = super().clean() or {}
        if values.get("decision") == "decline" and not values.get("note"):
            self.add_error("note", "Write why. The customer reads it.")
        if self.instance.state != SenderId.State.REQUESTED:
            raise forms.ValidationError("This request was decided already.", code="decided")
        return values


def _one_line(text: str, *, limit: int) -> str:
    try:
        return clean_name(" ".join(text.split()), limit=limit)
    except NameRefused as error:
        raise forms.ValidationError(str(error), code=error.code) from error
