"""Forms of getting back in after every factor is lost."""

from typing import Any

from django import forms

from accounts.names import NameRefused, clean_name
from security.models import RecoveryRequest

_STORY, _REMARK, _REASON = 1000, 1000, 500
_PASSWORD_LENGTH = 1024
VERIFY, APPROVE, REJECT = "verify", "approve", "reject"


class RecoveryForm(forms.Form):
    """Ask what happened to the second factors."""

    story = forms.CharField(
        label="What happened",
        max_length=_STORY,
        help_text="What you lost and when, and how we reach you. Our staff read it.",
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"required": "Say what happened."},
    )

    def clean_story(self) -> str:
        """Return the text on one line."""
        return _one_line(self.cleaned_data["story"], limit=_STORY)


class RecoveryFinishForm(forms.Form):
    """Ask for the password of the person whose factors go."""

    password = forms.CharField(
        label="Password",
        max_length=_PASSWORD_LENGTH,
        strip=False,
        error_messages={"required": "Enter your password."},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class RecoveryDecisionForm(forms.ModelForm):
    """Verify, approve or reject a recovery, as staff."""

    decision = forms.ChoiceField(
        label="Decision",
        choices=[(VERIFY, "Verified: start the waiting time"), (APPROVE, "Approve"), (REJECT, "Reject")],
        widget=forms.RadioSelect,
    )
    proof = forms.ChoiceField(
        label="Evidence", choices=[("", "Choose"), *RecoveryRequest.Evidence.choices], required=False
    )
    remark = forms.CharField(
        label="How you verified, or why you reject",
        max_length=_REMARK,
        required=False,
        help_text="For staff when you verify. The customer reads it when you reject.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    class Meta:
        model = RecoveryRequest
        fields: tuple[str, ...] = ()

    def clean_remark(self) -> str:
        """Return the text on one line."""
        remark = self.cleaned_data["remark"]
        return _one_line(remark, limit=_REMARK) if remark.strip() else ""

    def clean(self) -> dict[str, Any]:
        """Ask for evidence when somebody verifies, and for a reason when somebody rejects."""
        values = super().clean() or {}
        decision, remark = values.get("decision"), values.get("remark", "")
        if decision == VERIFY and not values.get("proof"):
            self.add_error("proof", "Say by what you knew the person.")
        if decision in {VERIFY, REJECT} and not remark:
            self.add_error("remark", "Write down how or why.")
        if decision == REJECT and len(remark) > _REASON:
            self.add_error("remark", f"Use at most {_REASON} characters for a reason.")
        return values


def _one_line(text: str, *, limit: int) -> str:
    try:
        return clean_name(" ".join(text.split()), limit=limit)
    except NameRefused as error:
        raise forms.ValidationError(str(error), code=error.code) from error
