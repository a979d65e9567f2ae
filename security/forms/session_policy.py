"""The form of the rule for sessions."""

from django import forms
from django.conf import settings

from accounts.models import Account

_MINUTES = (5, 10, 15, 20, 30)
_HOURS = (1, 2, 4, 8, 12)


def _choices(values: tuple[int, ...], longest: int, unit: str) -> list[tuple[int, str]]:
    shorter = [value for value in values if value < longest]
    return [(value, f"{value} {unit}" + ("" if value == 1 else "s")) for value in [*shorter, longest]]


def idle_choices() -> list[tuple[int, str]]:
    """Return how long a session may idle; the last is the console's own limit."""
    return _choices(_MINUTES, settings.CONSOLE_SESSION_IDLE_MINUTES, "minute")


def hour_choices() -> list[tuple[int, str]]:
    """Return how long a session may last; the last is the console's own limit."""
    return _choices(_HOURS, settings.CONSOLE_SESSION_HOURS, "hour")


class SessionPolicyForm(forms.Form):
    """Say how long the members of an account stay signed in."""

    idle_minutes = forms.TypedChoiceField(label="Sign out when idle for", choices=idle_choices, coerce=int)
    hours = forms.TypedChoiceField(label="Sign out in any case after", choices=hour_choices, coerce=int)

    @classmethod
    def of(cls, account: Account) -> "SessionPolicyForm":
        """Return the form with what holds for the account now; a limit the console undercut shows the console's."""
        idle = min(account.session_idle_minutes or _MINUTES[-1], settings.CONSOLE_SESSION_IDLE_MINUTES)
        hours = min(account.session_hours or _HOURS[-1], settings.CONSOLE_SESSION_HOURS)
        return cls(initial={"idle_minutes": idle, "hours": hours})
