"""Ask for what signing in, resetting and changing a password need."""

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse_lazy

from accounts.email_rules import EmailRefused, canonical_email
from console.core.forms import NewPasswordInput

_LONGEST = 1024


class AddressField(forms.CharField):
    """An email address, kept in its canonical form."""

    widget = forms.EmailInput

    def clean(self, value: object) -> str:
        """Return the canonical address."""
        text = super().clean(value)
        try:
            return canonical_email(text).address
        except EmailRefused as error:
            raise ValidationError(str(error), code=error.code) from error


class SignInForm(forms.Form):
    """Ask who comes."""

    email = AddressField(
        label="Work email",
        max_length=_LONGEST,
        error_messages={"required": "Enter the email address you signed up with."},
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )


class SignInPasswordForm(forms.Form):
    """Ask for the password of the address that the page shows."""

    # Password managers look for it; people see the address above the field.
    username = AddressField(
        max_length=_LONGEST,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "username",
                "class": "visually-hidden",
                "readonly": True,
                "tabindex": "-1",
                "aria-hidden": "true",
            }
        ),
    )
    password = forms.CharField(
        max_length=_LONGEST,
        strip=False,
        error_messages={"required": "Enter your password."},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )


class PasswordResetForm(forms.Form):
    """Ask where the link goes."""

    email = AddressField(
        label="Work email",
        max_length=_LONGEST,
        error_messages={"required": "Enter the email address you sign in with."},
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )


def _new_password() -> forms.CharField:
    return forms.CharField(
        label="New password",
        max_length=_LONGEST,
        strip=False,
        error_messages={"required": "Enter a new password."},
        widget=NewPasswordInput(advice_url=reverse_lazy("accounts:password_advice")),
    )


class PasswordResetNewForm(forms.Form):
    """Ask for a new password."""

    advice: object = None
    password = _new_password()


class PasswordChangeForm(forms.Form):
    """Ask for the present and a new password."""

    advice: object = None
    current = forms.CharField(
        label="Present password",
        max_length=_LONGEST,
        strip=False,
        error_messages={"required": "Enter your present password."},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    password = _new_password()
