"""The form of what an account asks of second factors."""

from django import forms

from console.core.forms import Cards
from security.models import FactorPolicy
from security.services.factor_policy import GRACES

ANY, STRONG = "any", "strong"
_DEFAULT = 14


def grace_choices() -> list[tuple[int, str]]:
    """Return the times that members may be given."""
    return [(days, f"In {days} days" if days else "At once") for days in GRACES]


class FactorPolicyForm(forms.Form):
    """Say which second factors the members of an account may sign in with."""

    requires = forms.ChoiceField(
        label="Members sign in with",
        choices=[(ANY, "Any second factor"), (STRONG, "An authenticator app or a passkey")],
        widget=Cards(
            hints={
                ANY: "Phone codes are enough. Texts and calls can be intercepted.",
                STRONG: "Phone codes stop working for them. Who has neither adds one at the next sign-in.",
            }
        ),
    )
    grace = forms.TypedChoiceField(
        label="From when on", choices=grace_choices, coerce=int, help_text="Counts from the moment you save."
    )

    @classmethod
    def of(cls, rule: FactorPolicy | None) -> "FactorPolicyForm":
        """Return the form with what holds now."""
        return cls(
            initial={
                "requires": STRONG if rule else ANY,
                "grace": rule.grace_days if rule else _DEFAULT,
            }
        )
