"""Forms of phones, codes and passwords."""

from typing import Any

from django import forms

from accounts.phone_rules import LONGEST_INPUT, PhonePurpose, PhoneRefused, check_phone, country_choices
from accounts.queries.rules import blocked_prefixes
from console.core.forms import CodeInput

_RECOVERY_LENGTH = 60
_PASSWORD_LENGTH = 4096


class PhoneForm(forms.Form):
    """Ask for a phone number that can take a code."""

    country = forms.ChoiceField(
        label="Country", choices=country_choices, widget=forms.Select(attrs={"autocomplete": "country"})
    )
    number = forms.CharField(
        label="Phone number",
        max_length=LONGEST_INPUT,
        help_text="A mobile number, or a fixed line that we call.",
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel-national", "inputmode": "tel"}),
        error_messages={"required": "Enter your phone number."},
    )

    def clean(self) -> dict[str, Any]:
        """Turn the two fields into one number in E.164, under ``e164``."""
        values = super().clean() or {}
        if "number" not in values:
            return values
        try:
            phone = check_phone(
                values["number"],
                country=values.get("country"),
                blocked_prefixes=blocked_prefixes(),
                purpose=PhonePurpose.SIGN_UP,
            )
        except PhoneRefused as error:
            self.add_error("number", str(error))
        else:
            values["e164"] = phone.e164
        return values


class CodeForm(forms.Form):
    """Ask for six digits."""

    code = forms.CharField(
        label="Six-digit code",
        widget=CodeInput(),
        max_length=20,
        error_messages={"required": "Enter the six digits.", "max_length": "A code has six digits."},
    )

    def clean_code(self) -> str:
        """Return the digits without spaces."""
        digits = "".join(self.cleaned_data["code"].split())
        if not (digits.isascii() and digits.isdigit() and len(digits) == 6):  # noqa: PLR2004 - six digits
            raise forms.ValidationError("A code has six digits.", code="digits")
        return digits


class AppCodeForm(CodeForm):
    """Ask for the code that an authenticator app shows."""

    code = forms.CharField(
        label="Code from your authenticator app",
        widget=CodeInput(),
        max_length=20,
        error_messages={"required": "Enter the six digits.", "max_length": "A code has six digits."},
    )


class RecoveryCodeForm(forms.Form):
    """Ask for one recovery code."""

    code = forms.CharField(
        label="Recovery code",
        max_length=_RECOVERY_LENGTH,
        help_text="One of the codes you kept. Each works once; capitals and dashes don't matter.",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
                "class": "input--mono",
            }
        ),
        error_messages={"required": "Enter a recovery code."},
    )


class PasswordForm(forms.Form):
    """Ask for the password again."""

    code = forms.CharField(
        label="Password",
        strip=False,
        max_length=_PASSWORD_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Enter your password."},
    )


class KeptForm(forms.Form):
    """Ask whether the recovery codes are kept."""

    kept = forms.BooleanField(
        label="I kept these codes in a safe place",
        error_messages={"required": "Keep the codes first: they are not shown again."},
    )
