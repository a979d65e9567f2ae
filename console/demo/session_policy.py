"""Give the demo's account a rule for sessions."""

from datetime import datetime, timedelta
from typing import Any

from accounts.models import Account
from console.core.events import EventKind
from console.demo.diary import note

_IDLE_MINUTES, _HOURS = 20, 8


def shorten(company: dict[str, Any], *, now: datetime) -> None:
    """Have the owner shorten how long members stay signed in, three weeks ago."""
    account = company["account"]
    after = {"idle_minutes": _IDLE_MINUTES, "hours": _HOURS}
    Account.objects.filter(pk=account.pk).update(session_idle_minutes=_IDLE_MINUTES, session_hours=_HOURS)
    note(
        EventKind.SESSION_POLICY_CHANGED,
        actor=company["actor"],
        target=account,
        at=now - timedelta(days=21),
        before={"idle_minutes": None, "hours": None},
        after=after,
    )
