"""Forms of passkeys: their name, and what the browser answers for them."""

from django import forms

from accounts.names import NameValidator, clean_name
from security.webauthn import LONGEST_ANSWER

_LONGEST_NAME = 64


class PasskeyNameForm(forms.Form):
    """Ask by which name the person will know the passkey again."""

    name = forms.CharField(
        label="Name",
        max_length=_LONGEST_NAME * 4,
        validators=[NameValidator(_LONGEST_NAME)],
        help_text="The device or key it is kept on, such as “Work laptop” or “Blue security key”.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "maxlength": _LONGEST_NAME}),
        error_messages={"required": "Enter a name."},
    )

    def clean_name(self) -> str:
        """Return the name on one line."""
        return clean_name(self.cleaned_data["name"], limit=_LONGEST_NAME)


class PasskeyForm(forms.Form):
    """Take the browser's answer for a passkey; ``<passkey-button>`` fills it in before the form is sent.

    ``options_url`` is where the element asks for the question.
    """

    template_name = "security/_passkey_form.html"
    options_url = ""
    is_new = False

    code = forms.CharField(
        max_length=LONGEST_ANSWER,
        widget=forms.HiddenInput(),
        error_messages={
            "required": "Your browser sent no passkey. Passkeys need JavaScript; try again, or use another way.",
            "max_length": "Your browser sent something that is no passkey.",
        },
    )

    @property
    def refusals(self) -> list[str]:
        """Return why the form was refused."""
        return [str(reason) for reasons in self.errors.values() for reason in reasons]


class NewPasskeyForm(PasskeyForm, PasskeyNameForm):
    """Take the browser's answer for a new passkey, with the name asked for on the page before.

    ``replaces`` names the passkey that goes when the new one is there.
    """

    is_new = True

    name = forms.CharField(
        max_length=_LONGEST_NAME * 4, validators=[NameValidator(_LONGEST_NAME)], widget=forms.HiddenInput()
    )
    replaces = forms.UUIDField(required=False, widget=forms.HiddenInput())
