"""Forms of signing up and of asking for another activation link."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core import signing
from django.core.exceptions import ValidationError
from django.urls import reverse, reverse_lazy
from django.utils.html import format_html

from accounts.email_rules import EmailRefused, canonical_email, check_work_email
from accounts.names import NameRefused, clean_name
from accounts.passwords import Advice, advise, personal_words
from accounts.queries import rules
from accounts.services.signup import COMPANY_LIMIT, NAME_LIMIT
from console.core.forms import NewPasswordInput

_OPENED_SALT = "accounts.forms.opened-at"
_LONGEST_VISIT = 24 * 3600
_TYPED = 300


@dataclass(frozen=True, slots=True)
class Names:
    """What a password must not be built on."""

    email: str
    full_name: str
    company_name: str

    @classmethod
    def typed(cls, values: Mapping[str, Any]) -> "Names":
        """Read them from a form as it was typed, however wrong."""
        return cls(*(str(values.get(name, ""))[:_TYPED] for name in ("email", "full_name", "company_name")))

    def advise(self, password: str) -> Advice:
        """Say what the password still needs."""
        return advise(password, words=personal_words(self.email, self.full_name, self.company_name))


class SignUpForm(forms.Form):
    """Everything an account begins with. ``warning`` is set for an address that several people read."""

    email = forms.CharField(
        label="Work email",
        widget=forms.EmailInput({"autocomplete": "username", "inputmode": "email", "spellcheck": "false"}),
        error_messages={"required": "Enter your work email."},
    )
    full_name = forms.CharField(
        label="Full name",
        strip=False,
        widget=forms.TextInput({"autocomplete": "name"}),
        error_messages={"required": "Enter your name."},
    )
    company_name = forms.CharField(
        label="Company name",
        strip=False,
        help_text="Appears on your invoices.",
        widget=forms.TextInput({"autocomplete": "organization"}),
        error_messages={"required": "Enter the name of your company."},
    )
    password = forms.CharField(
        strip=False,
        widget=NewPasswordInput(advice_url=reverse_lazy("accounts:password_advice")),
        error_messages={"required": "Choose a password."},
    )
    terms = forms.BooleanField(error_messages={"required": "Accept the terms to open an account."})
    website = forms.CharField(
        required=False,
        label="Leave this empty",
        widget=forms.TextInput({"autocomplete": "off", "tabindex": "-1"}),
    )
    opened = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now
        self.warning: str | None = None
        self.advice: Advice | None = None
        self.fields["opened"].initial = signing.dumps(int(now.timestamp()), salt=_OPENED_SALT)
        self.fields["terms"].label = format_html(
            'I accept the <a href="{}" target="_blank">terms of service</a> '
            'and the <a href="{}" target="_blank">privacy notice</a>.',
            reverse("accounts:terms"),
            reverse("accounts:privacy"),
        )

    def clean_email(self) -> str:
        """Return the canonical address when a company's account may use it."""
        allow, block = rules.domain_rules()
        try:
            email = check_work_email(
                self.cleaned_data["email"],
                allow=allow,
                block=block,
                check_deliverability=settings.EMAIL_CHECK_DELIVERABILITY,
            )
        except EmailRefused as error:
            raise ValidationError(str(error), code=error.code) from error
        self.warning = email.warning
        return email.address

    def clean_full_name(self) -> str:
        """Return the name on one line."""
        return _name(self.cleaned_data["full_name"], NAME_LIMIT)

    def clean_company_name(self) -> str:
        """Return the company's name on one line."""
        return _name(self.cleaned_data["company_name"], COMPANY_LIMIT)

    def clean_password(self) -> str:
        """Return the password when it meets the policy."""
        password, names = self.cleaned_data["password"], Names.typed(self.data)
        try:
            validate_password(password, user=cast("Any", names))
        except ValidationError as error:
            # The error is the advice; the meter below lists the rules.
            self.advice = replace(names.advise(password), text="")
            raise ValidationError(error.messages[0], code="password") from error
        return password

    def clean(self) -> dict[str, Any]:
        """Refuse what only a machine does: fill the hidden field, or type faster than anybody can."""
        cleaned = super().clean() or {}
        if cleaned.pop("website", ""):
            raise ValidationError(
                "A field that nobody sees was filled in. Check the form, then send it again."
            )
        if self._seconds_open(cleaned.pop("opened", "")) < settings.CONSOLE_LEAST_FILL_SECONDS:
            raise ValidationError("The form was sent as soon as it was opened. Check it, then send it again.")
        cleaned.pop("terms", None)
        return cleaned

    def _seconds_open(self, opened: str) -> float:
        try:
            opened_at = signing.loads(opened, salt=_OPENED_SALT, max_age=_LONGEST_VISIT)
        except signing.SignatureExpired:
            return _LONGEST_VISIT
        except signing.BadSignature:
            return 0 if settings.CONSOLE_LEAST_FILL_SECONDS else _LONGEST_VISIT
        return self.now.timestamp() - opened_at


class ActivationRequestForm(forms.Form):
    """The address that waits for its confirmation."""

    email = forms.CharField(
        label="Work email",
        widget=forms.EmailInput({"autocomplete": "username", "inputmode": "email", "spellcheck": "false"}),
        error_messages={"required": "Enter your work email."},
    )

    def clean_email(self) -> str:
        """Return the canonical address."""
        try:
            return canonical_email(self.cleaned_data["email"]).address
        except EmailRefused as error:
            raise ValidationError(str(error), code=error.code) from error


def _name(text: str, limit: int) -> str:
    try:
        return clean_name(text, limit=limit)
    except NameRefused as error:
        raise ValidationError(str(error), code=error.code) from error
