"""Forms of webhooks."""

import uuid
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from django import forms
from django.http import QueryDict

from accounts.names import NameRefused, clean_name
from console.core.forms import Cards
from console.core.outbound_rules import LONGEST_URL, OutboundRefused, parse_target
from security.audit_areas import areas
from security.forms.audit import kind_choices
from security.models import WebhookDelivery

SINCE = MappingProxyType(
    {
        "1h": timedelta(hours=1),
        "24h": timedelta(hours=24),
        "3d": timedelta(days=3),
        "7d": timedelta(days=7),
        "30d": timedelta(days=30),
    }
)
_SINCE_LABELS = {
    "1h": "the last hour",
    "24h": "the last 24 hours",
    "3d": "the last 3 days",
    "7d": "the last 7 days",
    "30d": "the last 30 days",
}


class WebhookForm(forms.Form):
    """Say where events go and which."""

    url = forms.CharField(
        label="Address",
        max_length=LONGEST_URL,
        help_text="https://, with a host name of yours that the internet knows, on port 443 or 8443.",
        error_messages={"required": "Enter the address of your server."},
        widget=forms.TextInput(
            attrs={
                "class": "input--mono",
                "inputmode": "url",
                "spellcheck": "false",
                "autocapitalize": "off",
                "placeholder": "https://hooks.example.com/console",
            }
        ),
    )
    description = forms.CharField(label="Description", max_length=100, required=False)
    areas = forms.MultipleChoiceField(
        label="Events",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=lambda: [(area, area) for area in areas()],
        help_text="Tick none to get everything, also what is added later.",
    )

    def clean_url(self) -> str:
        """Return the address in its one form."""
        try:
            return str(parse_target(self.cleaned_data["url"]))
        except OutboundRefused as error:
            raise forms.ValidationError(str(error), code=error.code) from error

    def clean_description(self) -> str:
        """Return the description on one line."""
        text = " ".join(self.cleaned_data["description"].split())
        try:
            return clean_name(text, limit=100) if text else ""
        except NameRefused as error:
            raise forms.ValidationError(str(error), code=error.code) from error


class WebhookAddForm(WebhookForm):
    """Add an endpoint. ``form_id`` lets a form that is sent twice make one."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"form_id": uuid.uuid4()})


class WebhookSecretForm(forms.Form):
    """Choose what becomes of the old secret. ``form_id`` lets a form that is sent twice make one new secret."""

    overlap = forms.ChoiceField(
        label="What happens to the old secret",
        choices=[("keep", "Sign with both for 24 hours"), ("now", "Stop it now")],
        widget=Cards(
            hints={
                "keep": "Your server accepts either signature while you change it.",
                "now": "Deliveries carry the new signature only. Choose this when the old secret leaked.",
            },
            choices=[("keep", "Sign with both for 24 hours"), ("now", "Stop it now")],
        ),
    )
    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"form_id": uuid.uuid4(), "overlap": "keep"})


class WebhookHistoryForm(forms.Form):
    """Ask which deliveries to show."""

    state = forms.ChoiceField(required=False, choices=[("", "Any"), *WebhookDelivery.State.choices])
    kind = forms.ChoiceField(label="Event", required=False)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput())
    after = forms.IntegerField(required=False, min_value=0, max_value=2**62, widget=forms.HiddenInput())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [
            (area, [one for one in kinds if not one[0].startswith("area:")]) for area, kinds in _by_area()
        ]
        self.fields["kind"].choices = [("", "Anything"), ("webhook:test", "Test event"), *kinds]  # type: ignore[attr-defined]

    @property
    def words(self) -> dict[str, str]:
        """Return the filters that are set, as they stand in the address."""
        return {
            name: value for name in ("state", "kind") if (value := str(self.data.get(name) or "").strip())
        }


def _by_area() -> list[tuple[str, Any]]:
    return kind_choices()[1:]


class WebhookReplayForm(forms.Form):
    """Choose how far back failed deliveries are sent again."""

    since = forms.ChoiceField(
        label="Send again what failed within",
        choices=list(_SINCE_LABELS.items()),
        widget=forms.Select(attrs={"class": "input--small input--auto"}),
    )

    @property
    def span(self) -> timedelta:
        """Return how far back that is."""
        return SINCE[self.cleaned_data["since"]]
