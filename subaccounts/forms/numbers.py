"""Forms of phone numbers."""

from collections.abc import Iterable
from typing import Any

from django import forms

from accounts.names import NameRefused, clean_name
from subaccounts.models import Application, Number, NumberType, Subaccount
from subaccounts.queries.countries import country_options
from subaccounts.queries.numbers import MAIN

_SERVICES = [("voice", "Calls"), ("sms", "Texts"), ("mms", "Picture messages")]
_PLACE = 2**62


def owner_options(subaccounts: Iterable[Subaccount]) -> list[tuple[str, str]]:
    """Return the main account and its subaccounts, as choices of who owns something."""
    return [(MAIN, "Main account"), *((one.auth_id, one.name) for one in subaccounts)]


class OwnerField(forms.ChoiceField):
    """A choice of owner; the main account is the empty Auth ID, as services have it."""

    def clean(self, value: Any) -> str:
        """Return the Auth ID of the subaccount."""
        owner = str(super().clean(value))
        return "" if owner == MAIN else owner


class _Words(forms.Form):
    """Filters that stand in the address of a list."""

    kept: tuple[str, ...] = ()

    @property
    def words(self) -> dict[str, str]:
        """Return the filters that are set, as they stand in the address."""
        return {name: value for name in self.kept if (value := str(self.data.get(name) or "").strip())}


class NumberFilterForm(_Words):
    """Ask which rented numbers to show."""

    kept = ("q", "country", "number_type", "service", "owner")
    q = forms.CharField(label="Number or alias", required=False, max_length=100)
    country = forms.ChoiceField(label="Country", required=False)
    number_type = forms.ChoiceField(label="Type", required=False, choices=[("", "Any"), *NumberType.choices])
    service = forms.ChoiceField(label="Can take", required=False, choices=[("", "Anything"), *_SERVICES])
    owner = forms.ChoiceField(label="Belongs to", required=False)
    before = forms.IntegerField(required=False, min_value=1, max_value=_PLACE, widget=forms.HiddenInput())
    after = forms.IntegerField(required=False, min_value=0, max_value=_PLACE, widget=forms.HiddenInput())

    def __init__(self, *args: Any, subaccounts: Iterable[Subaccount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["country"].choices = [("", "Any"), *country_options()]  # type: ignore[attr-defined]
        owners = [("", "Anybody"), *owner_options(subaccounts)]
        self.fields["owner"].choices = owners  # type: ignore[attr-defined]

    def clean_q(self) -> str:
        """Return the text on one line; one that no number or alias can hold finds nothing by itself."""
        text = self.cleaned_data["q"].strip()
        try:
            return clean_name(text, limit=100) if text else ""
        except NameRefused as error:
            raise forms.ValidationError(str(error), code=error.code) from error


class FreeNumberForm(_Words):
    """Ask which free numbers to show."""

    kept = ("country", "number_type", "area", "service")
    country = forms.ChoiceField(label="Country")
    number_type = forms.ChoiceField(label="Type", required=False, choices=[("", "Any"), *NumberType.choices])
    area = forms.RegexField(
        label="Area code or place",
        required=False,
        max_length=80,
        regex=r"^[\w .,'()\-]*$",
        error_messages={"invalid": "Use digits such as 212, or the name of a place."},
    )
    service = forms.ChoiceField(label="Can take", required=False, choices=[("", "Anything"), *_SERVICES])
    place = forms.RegexField(regex=r"^[1-9][0-9]{6,14}$", required=False, widget=forms.HiddenInput())

    def __init__(self, *args: Any, countries: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["country"].choices = countries  # type: ignore[attr-defined]


class NumberRentForm(forms.Form):
    """Choose for whom a number is rented, at the price that the page showed."""

    subaccount = OwnerField(label="For", initial=MAIN)
    agreed = forms.DecimalField(max_digits=12, decimal_places=5, min_value=0, widget=forms.HiddenInput())

    def __init__(self, *args: Any, subaccounts: Iterable[Subaccount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["subaccount"].choices = owner_options(subaccounts)  # type: ignore[attr-defined]


class NumberChangeForm(forms.Form):
    """Change what a number is called and what answers it."""

    alias = forms.CharField(
        label="Alias", required=False, max_length=100, help_text="What your team knows it by."
    )
    app_id = forms.ChoiceField(
        label="Application",
        required=False,
        help_text="Answers calls and messages. Its owner is the owner of the number.",
    )
    cnam_lookup = forms.BooleanField(
        label="Look up callers' names",
        required=False,
        help_text="In the United States and Canada; each look-up is charged.",
    )

    def __init__(
        self, *args: Any, number: Number, applications: Iterable[Application], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        known = [(one.app_id, one.name) for one in applications]
        self.fields["app_id"].choices = [("", "None"), *known]  # type: ignore[attr-defined]
        self.initial = {
            "alias": number.alias,
            "app_id": number.application.app_id if number.application else "",
            "cnam_lookup": number.cnam_lookup,
            **self.initial,
        }

    def clean_alias(self) -> str:
        """Return the alias on one line."""
        text = self.cleaned_data["alias"].strip()
        try:
            return clean_name(text, limit=100) if text else ""
        except NameRefused as error:
            raise forms.ValidationError(str(error), code=error.code) from error


class NumberMoveForm(forms.Form):
    """Choose who owns a number from now on."""

    subaccount = OwnerField(label="Move to")

    def __init__(self, *args: Any, number: Number, subaccounts: Iterable[Subaccount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = number.subaccount.auth_id if number.subaccount else MAIN
        others = [one for one in owner_options(subaccounts) if one[0] != own]
        self.fields["subaccount"].choices = others  # type: ignore[attr-defined]
