"""Forms of provisioning."""

import uuid
from typing import Any

from django import forms
from django.http import QueryDict

from console.core.forms import Cards
from teams.roles import Role

_OVERLAPS = [("keep", "Accept both for 24 hours"), ("now", "Stop it now")]
_HINTS = {
    "keep": "The directory goes on while you change the token there.",
    "now": "Calls with the old token get 401 at once. Choose this when it leaked.",
}
_NONE = "none"


class ScimTokenForm(forms.Form):
    """Make a token. ``form_id`` lets a form that is sent twice make one."""

    overlap = forms.ChoiceField(
        label="What happens to the old token",
        choices=_OVERLAPS,
        widget=Cards(hints=_HINTS, choices=_OVERLAPS),
    )
    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None = None, *, has_old: bool) -> None:
        super().__init__(data, initial={"form_id": uuid.uuid4(), "overlap": "keep"})
        if not has_old:
            del self.fields["overlap"]

    @property
    def keeps_old(self) -> bool:
        """Say whether the old token lives on for a while."""
        return self.cleaned_data.get("overlap") == "keep"


class ScimGroupForm(forms.Form):
    """The role that a group stands for."""

    role = forms.ChoiceField(
        label="Role",
        choices=[(_NONE, "No role")] + [(role.value, role.label) for role in Role if role != Role.OWNER],
        help_text="Of several groups the strongest role counts.",
    )

    @property
    def chosen(self) -> Role | None:
        """Return the role, or None."""
        role: Any = self.cleaned_data["role"]
        return None if role == _NONE else Role(role)
