"""Ask what becomes of the old Auth Token when a new one is made."""

import uuid
from typing import Any

from django import forms

from accounts.models import Credential
from console.core.forms import Cards

_CHOICES = {
    "now": "Revoke it now",
    "1h": "Keep it for 1 hour",
    "24h": "Keep it for 24 hours",
    "3d": "Keep it for 3 days",
    "7d": "Keep it for 7 days",
    "never": "Keep it until it is revoked",
}
_HINTS = {
    "now": "Integrations that use it get 401 from this moment.",
    "24h": "Long enough to move most integrations in a working day.",
    "never": "Both tokens open the account until you revoke one.",
}


class CredentialMakeForm(forms.Form):
    """Choose when the old token stops. ``form_id`` lets a form that is sent twice make one token."""

    revoke = forms.ChoiceField(label="What happens to the old token", choices=list(_CHOICES.items()))
    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, live: list[Credential], **kwargs: Any) -> None:
        """Ask about the old token only when there is one; two leave no place for a third."""
        initial = {"form_id": uuid.uuid4(), "revoke": "now" if len(live) > 1 else "24h"}
        super().__init__(*args, initial=initial, **kwargs)
        self.live = live
        field = self.fields["revoke"]
        field.widget = Cards(hints=_HINTS, choices=list(_CHOICES.items()))
        if len(live) > 1:
            field.label = "What happens to the two tokens that are live"
            field.widget.choices = [("now", "Revoke both now")]
        if not live:
            field.required = False
            field.widget = forms.HiddenInput()

    def clean_revoke(self) -> str:
        """Return the choice; without an old token there is nothing to choose."""
        return self.cleaned_data["revoke"] or "never"
