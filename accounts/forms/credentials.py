"""Ask what becomes of the old Auth Token when a new one is made."""

import uuid

from django import forms
from django.http import QueryDict

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
_BOTH = "Integrations that use one of them get 401 from this moment."


class CredentialMakeForm(forms.Form):
    """Choose when the old token stops. ``form_id`` lets a form that is sent twice make one token."""

    revoke = forms.ChoiceField(label="What happens to the old token", choices=list(_CHOICES.items()))
    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None = None, *, live: list[Credential]) -> None:
        """Ask about the old token only when there is one; two leave no place for a third."""
        choice = ("never", "24h", "now")[min(len(live), 2)]
        super().__init__(data, initial={"form_id": uuid.uuid4(), "revoke": choice})
        self.live = live
        field = self.fields["revoke"]
        field.widget = Cards(hints=_HINTS, choices=list(_CHOICES.items()))
        if len(live) > 1:
            field.label = "What happens to the two tokens that are live"
            field.widget = Cards(hints={"now": _BOTH}, choices=[("now", "Revoke both now")])
        if not live:
            # Nothing to choose. A token that somebody else makes in the meantime stays as it is.
            field.widget = forms.HiddenInput()


class CredentialExtendForm(forms.Form):
    """Choose how much longer an old token works."""

    _CHOICES = (("24h", "24 hours more"), ("3d", "3 days more"), ("7d", "7 days more"))
    extend = forms.ChoiceField(
        label="How much longer it works", choices=_CHOICES, initial="24h", widget=Cards(choices=_CHOICES)
    )
