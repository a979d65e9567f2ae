"""Ask for what a person and a company say about themselves."""

from typing import Any
from zoneinfo import available_timezones

from django import forms

from accounts.services.profile import COMPANY_LIMITS, NAME_LIMIT


class ProfileForm(forms.Form):
    """Ask for the person's name."""

    full_name = forms.CharField(
        label="Full name",
        max_length=NAME_LIMIT * 4,
        strip=True,
        error_messages={"required": "Enter your name."},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class CompanyForm(forms.Form):
    """Ask for the company's name, address and time zone."""

    name = forms.CharField(
        label="Company name",
        max_length=COMPANY_LIMITS["name"] * 4,
        help_text="It appears on invoices.",
        error_messages={"required": "Enter the company's name."},
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    address = forms.CharField(
        max_length=COMPANY_LIMITS["address"] * 4,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "street-address"}),
    )
    city = forms.CharField(
        max_length=COMPANY_LIMITS["city"] * 4,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "address-level2"}),
    )
    region = forms.CharField(
        label="State or region",
        max_length=COMPANY_LIMITS["region"] * 4,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "address-level1"}),
    )
    time_zone = forms.ChoiceField(help_text="Times on pages are shown in this zone; mails say UTC.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = sorted(available_timezones() - {"localtime", "Factory"})
        self.fields["time_zone"].choices = [(zone, zone.replace("_", " ")) for zone in zones]  # type: ignore[attr-defined]
