"""Forms of applications and endpoints."""

import uuid
from collections.abc import Iterator
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from console.core.errors import DomainError
from console.core.forms import Cards
from subaccounts.application_rules import (
    NAME_LIMIT,
    PASSWORD_LIMIT,
    URL_LIMIT,
    USERNAME_LIMIT,
    check_password,
    check_url,
    check_username,
    check_word,
)
from subaccounts.models import Application
from subaccounts.queries.applications import MAIN

_PHONE_PASSWORD_LEAST = 12
_FATES = {
    "delete": ("Delete its endpoints too", "Their phones can no longer register."),
    "keep": ("Keep them without an application", "Their calls go nowhere until they get another."),
    "give": ("Give them to another application", "Choose it below."),
}


class ResourceFilterForm(forms.Form):
    """Ask which applications or endpoints to show."""

    q = forms.CharField(required=False, max_length=NAME_LIMIT)
    owner = forms.ChoiceField(required=False)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput)
    after = forms.IntegerField(required=False, min_value=0, max_value=2**62, widget=forms.HiddenInput)

    def __init__(self, *args: Any, owners: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].choices = [("", "All owners"), *owners]  # type: ignore[attr-defined]

    @property
    def words(self) -> dict[str, str]:
        """Return the filters that are set, as they stand in the address."""
        return {name: value for name in ("q", "owner") if (value := str(self.data.get(name) or "").strip())}


def _checked(check: Any, *arguments: Any, **more: Any) -> str:
    try:
        return str(check(*arguments, **more))
    except DomainError as error:
        reason = str(error)
        raise forms.ValidationError(reason[:1].upper() + reason[1:], code=error.code) from error


def _address(label: str, *, hint: str = "", example: str = "") -> forms.CharField:
    attrs = {"class": "input--mono", "inputmode": "url", "spellcheck": "false", "autocapitalize": "off"}
    attrs |= {"placeholder": example} if example else {}
    widget = forms.TextInput(attrs=attrs)
    return forms.CharField(label=label, required=False, max_length=URL_LIMIT, help_text=hint, widget=widget)


def _method(label: str) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=Application.Method.choices, initial="POST")


class ApplicationForm(forms.Form):
    """Say what an application asks, and what it is for."""

    name = forms.CharField(
        label="Name",
        max_length=NAME_LIMIT,
        help_text="Letters, digits, - and _.",
        error_messages={"required": "Enter a name."},
        widget=forms.TextInput(attrs={"spellcheck": "false"}),
    )
    answer_url = _address(
        "Answer address", hint="Asked what to do with a call.", example="https://voice.example.com/answer"
    )
    answer_method = _method("Answer method")
    hangup_url = _address("Hangup address", hint="Told of the end of a call. Empty means the answer address.")
    hangup_method = _method("Hangup method")
    fallback_answer_url = _address("Fallback address", hint="Asked when the answer address is silent.")
    fallback_method = _method("Fallback method")
    message_url = _address("Message address", hint="Given the messages to its numbers.")
    message_method = _method("Message method")
    default_number_app = forms.BooleanField(
        label="New numbers get this application", required=False, help_text="When they name no other."
    )
    default_endpoint_app = forms.BooleanField(
        label="New endpoints get this application", required=False, help_text="When they name no other."
    )
    log_incoming_messages = forms.BooleanField(
        label="The texts of its messages may be stored", required=False, initial=True
    )
    public_uri = forms.BooleanField(
        label="Anybody may call its SIP address",
        required=False,
        help_text="Otherwise your own endpoints alone.",
    )

    def clean_name(self) -> str:
        """Return the name."""
        return _checked(check_word, "name", self.cleaned_data["name"], what="The name")

    def clean(self) -> dict[str, Any]:
        """Judge the addresses, each beside its field."""
        values = super().clean() or {}
        for name in ("answer_url", "hangup_url", "fallback_answer_url", "message_url"):
            try:
                _checked(check_url, "The address", values.get(name, ""))
            except forms.ValidationError as error:
                self.add_error(name, error)
        return values

    @property
    def addresses(self) -> Iterator[tuple[BoundField, BoundField]]:
        """Yield each address with its method."""
        for kind in ("answer", "hangup", "fallback", "message"):
            yield self["fallback_answer_url" if kind == "fallback" else f"{kind}_url"], self[f"{kind}_method"]

    @property
    def switches(self) -> list[BoundField]:
        """Return what is on or off."""
        names = ("default_number_app", "default_endpoint_app", "log_incoming_messages", "public_uri")
        return [self[name] for name in names]


class OwnerForm(forms.Form):
    """Choose who something belongs to."""

    owner = forms.ChoiceField(label="Belongs to")

    def __init__(self, *args: Any, owners: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].choices = owners  # type: ignore[attr-defined]

    def clean_owner(self) -> str:
        """Return the Auth ID of a subaccount, or nothing for the main account."""
        owner = str(self.cleaned_data["owner"])
        return "" if owner == MAIN else owner


class ApplicationAddForm(ApplicationForm, OwnerForm):
    """Make an application. ``form_id`` lets a form that is sent twice make one."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, owners: list[tuple[str, str]], owner: str = MAIN) -> None:
        super().__init__(*args, owners=owners, initial={"form_id": uuid.uuid4(), "owner": owner})


class ApplicationDeleteForm(forms.Form):
    """Choose what becomes of the endpoints of an application that goes."""

    fate = forms.ChoiceField(
        label="What happens to its endpoints",
        choices=[(key, words) for key, (words, _) in _FATES.items()],
        widget=Cards(
            hints={key: hint for key, (_, hint) in _FATES.items()},
            choices=[(key, words) for key, (words, _) in _FATES.items()],
        ),
        error_messages={"required": "Choose what happens to its endpoints."},
    )
    heir = forms.ChoiceField(label="Other application", required=False)

    def __init__(self, *args: Any, heirs: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["heir"].choices = [("", "None"), *heirs]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Ask for the other application when the endpoints go there."""
        values = super().clean() or {}
        if values.get("fate") == "give" and not values.get("heir") and "heir" not in self.errors:
            self.add_error("heir", "Choose the application that gets them.")
        return values


class EndpointForm(forms.Form):
    """Change an endpoint; an empty password leaves the one it has."""

    alias = forms.CharField(
        label="Alias",
        max_length=NAME_LIMIT,
        help_text="What people know it by: letters, digits, - and _.",
        error_messages={"required": "Enter an alias."},
        widget=forms.TextInput(attrs={"spellcheck": "false"}),
    )
    app_id = forms.ChoiceField(
        label="Application",
        required=False,
        help_text="Its calls go there, and it belongs to the owner of the application.",
    )
    password = forms.CharField(
        label="New password",
        required=False,
        strip=False,
        max_length=PASSWORD_LIMIT,
        help_text="Empty leaves the one it has. At least 12 characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, applications: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["app_id"].choices = [("", self.nothing), *applications]  # type: ignore[attr-defined]

    nothing = "None"
    """What no application is called."""

    def clean_alias(self) -> str:
        """Return the alias."""
        return _checked(check_word, "alias", self.cleaned_data["alias"], what="The alias")

    def clean_password(self) -> str:
        """Return the password, which has to be longer here than the API asks for."""
        password = str(self.cleaned_data["password"])
        if password and len(password) < _PHONE_PASSWORD_LEAST:
            reason = (
                f"Use at least {_PHONE_PASSWORD_LEAST} characters: whoever guesses it calls on your account."
            )
            raise forms.ValidationError(reason, code="too_short")
        return _checked(check_password, password) if password else ""


class EndpointAddForm(EndpointForm, OwnerForm):
    """Make an endpoint. ``form_id`` lets a form that is sent twice make one."""

    nothing = "The default one of the owner"
    username = forms.CharField(
        label="Username",
        max_length=USERNAME_LIMIT,
        help_text="Letters and digits, begins with a letter. 12 digits are appended.",
        error_messages={"required": "Enter a username."},
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}),
    )
    form_id = forms.UUIDField(widget=forms.HiddenInput)
    field_order = ("username", "alias", "app_id", "owner", "password", "form_id")

    def __init__(
        self,
        *args: Any,
        applications: list[tuple[str, str]],
        owners: list[tuple[str, str]],
        owner: str = MAIN,
    ) -> None:
        initial = {"form_id": uuid.uuid4(), "owner": owner}
        super().__init__(*args, applications=applications, owners=owners, initial=initial)
        self.fields["password"].label = "Password"
        self.fields["password"].help_text = "Leave it empty and it gets one, which is shown once."
        self.fields["owner"].help_text = "Counts when no application is chosen."

    def clean_username(self) -> str:
        """Return the beginning of the name."""
        return _checked(check_username, self.cleaned_data["username"])
