"""Forms that staff fill in about money."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.names import NameRefused, clean_name
from billing.models import Plan
from billing.services import PlanRefused, check_plan


class PlanForm(forms.ModelForm):
    """A committed plan of one account."""

    class Meta:
        model = Plan
        fields = ["account", "monthly_amount", "starts_at", "ends_at", "reason"]

    def clean_reason(self) -> str:
        """Return the reason on one line."""
        try:
            return clean_name(self.cleaned_data["reason"], limit=200)
        except NameRefused as error:
            raise ValidationError(str(error), code=error.code) from error

    def clean(self) -> dict[str, Any]:
        """Refuse a plan that includes no team, or that overlaps another one."""
        values = super().clean() or {}
        if not self.errors:
            try:
                check_plan(Plan(**values))
            except PlanRefused as error:
                raise ValidationError(str(error), code=error.code) from error
        return values
