"""Forms of single sign-on: the provider, its metadata, its certificates, attributes, roles and domains."""

from typing import Any

from cryptography import x509
from django import forms
from django.core.files.uploadedfile import UploadedFile

from accounts.names import is_unseen
from console.core.forms import Cards
from security.models import SsoConnection
from security.services.sso_setup import ProviderFacts
from security.sso.metadata import LARGEST_METADATA, MetadataRefused, check_address, read_certificate
from teams.roles import HINTS, Role

_LONGEST, _PEM = 1000, 20_000
_ROLES = [(role.value, role.label) for role in Role if role != Role.OWNER]
_ROLE_HINTS = {str(role): hint for role, hint in HINTS.items()}
_MONO = {"class": "input--mono", "spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}


def _plain(text: str) -> str:
    """Return the text trimmed.

    :raises ValidationError: if a character of it cannot be seen
    """
    if any(is_unseen(character) for character in text):
        raise forms.ValidationError("Leave characters out that cannot be seen.", code="characters")
    return text.strip()


class _Line(forms.CharField):
    """A technical text on one line."""

    def __init__(self, *, max_length: int = _LONGEST, **more: Any) -> None:
        super().__init__(max_length=max_length, widget=forms.TextInput(attrs=_MONO), **more)

    def clean(self, value: Any) -> str:
        """Refuse characters that cannot be seen."""
        return _plain(super().clean(value))


class _Address(_Line):
    """An address that a browser is sent to."""

    def clean(self, value: Any) -> str:
        """Refuse what is no plain https address."""
        text = super().clean(value)
        try:
            return check_address(text) if text else ""
        except MetadataRefused as error:
            raise forms.ValidationError(
                "Enter an address that starts with https://.", code="address"
            ) from error


class _Certificate(forms.CharField):
    """A certificate in PEM, or its base64 alone."""

    def __init__(self, **more: Any) -> None:
        attrs = _MONO | {"rows": 5, "placeholder": "-----BEGIN CERTIFICATE-----"}
        super().__init__(max_length=_PEM, widget=forms.Textarea(attrs=attrs), **more)

    def clean(self, value: Any) -> Any:
        """Return the certificate, or None where none is asked for.

        :raises ValidationError: if it is none, or too weak
        """
        text = super().clean(value)
        try:
            return read_certificate(text) if text.strip() else None
        except MetadataRefused as error:
            raise forms.ValidationError(str(error), code="certificate") from error


class SsoProviderForm(forms.Form):
    """Choose whose identity provider it is."""

    provider = forms.ChoiceField(
        label="Identity provider",
        choices=SsoConnection.Provider.choices,
        widget=Cards,
        error_messages={"required": "Choose your identity provider."},
    )


class SsoUrlForm(forms.Form):
    """Name the address of the provider's metadata."""

    url = _Line(
        label="Metadata address",
        help_text="Read now and every day from then on, so that new certificates arrive by themselves.",
        error_messages={"required": "Enter the address of the metadata."},
    )


class SsoFileForm(forms.Form):
    """Send the provider's metadata as a file."""

    file = forms.FileField(
        label="Metadata file",
        help_text="XML, 512 KB at most.",
        error_messages={"required": "Choose the file.", "empty": "This file is empty."},
    )

    def clean_file(self) -> bytes:
        """Return what the file holds."""
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > LARGEST_METADATA:
            raise forms.ValidationError("The file is larger than metadata of one provider is.", code="large")
        return file.read()


class SsoHandForm(forms.Form):
    """Name the provider's facts one by one."""

    entity_id = _Line(
        label="Entity ID or issuer",
        error_messages={"required": "Enter the entity ID of your provider."},
    )
    sso_url = _Address(
        label="Single sign-on URL",
        help_text="For HTTP-Redirect.",
        error_messages={"required": "Enter the address where people sign in."},
    )
    slo_url = _Address(label="Single logout URL", required=False)
    certificate = _Certificate(
        label="Certificate", error_messages={"required": "Paste the certificate that signs assertions."}
    )
    next_certificate = _Certificate(
        label="Next certificate", required=False, help_text="If your provider is about to change it."
    )

    @property
    def facts(self) -> ProviderFacts:
        """Return what was typed."""
        values = self.cleaned_data
        found = [values["certificate"], values["next_certificate"]]
        certificates: tuple[x509.Certificate, ...] = tuple(one for one in found if one)
        return ProviderFacts(values["entity_id"], values["sso_url"], values["slo_url"], certificates)


class SsoCertificateForm(forms.Form):
    """Add the certificate that comes next."""

    certificate = _Certificate(label="Certificate", error_messages={"required": "Paste the certificate."})


class SsoAttributesForm(forms.Form):
    """Name the attributes in which the provider sends who somebody is."""

    email = _Line(
        label="Email", max_length=255, required=False, help_text="Without a name the NameID is the address."
    )
    first_name = _Line(label="First name", max_length=255, required=False)
    last_name = _Line(label="Last name", max_length=255, required=False)
    full_name = _Line(
        label="Full name", max_length=255, required=False, help_text="Instead of first and last name."
    )
    groups = _Line(
        label="Groups", max_length=255, required=False, help_text="Needed where groups decide roles."
    )


class SsoRulesForm(forms.Form):
    """Say which role new members get, and what a sign-in with the provider is worth."""

    default_role = forms.ChoiceField(
        label="Role of new members",
        choices=_ROLES,
        widget=Cards(hints=_ROLE_HINTS),
        help_text="For people who sign in for the first time and whose groups decide nothing.",
    )
    is_two_factor = forms.BooleanField(
        label="Our provider asks everybody for a second factor",
        required=False,
        help_text="Then ours is not asked for as well. Without this, members add one here too.",
    )
    allows_idp_initiated = forms.BooleanField(
        label="Let people begin at the provider",
        required=False,
        help_text="For the tiles of a provider's own page. A button must be pressed here before anybody is signed in.",
    )


class SsoGroupForm(forms.Form):
    """Say which role a group stands for."""

    group = _Line(
        label="Group",
        max_length=255,
        help_text="Exactly as your provider sends it. Microsoft Entra ID sends the object id.",
        error_messages={"required": "Enter the name of the group."},
    )
    role = forms.ChoiceField(label="Role", choices=_ROLES)


class SsoDomainForm(forms.Form):
    """Claim an email domain."""

    domain = _Line(
        label="Domain",
        max_length=253,
        help_text="What stands after the @ in your members' addresses.",
        error_messages={"required": "Enter a domain, like company.com."},
    )
