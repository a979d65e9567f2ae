"""Put requests for recovery into the queue of the demo's staff."""

from datetime import datetime, timedelta
from typing import Any

from accounts.models import User
from console.core.access import Actor
from console.core.events import EventKind
from console.core.requests import Origin
from console.demo.diary import note
from security.models import RecoveryRequest

State = RecoveryRequest.State
_TRAIN = Origin(
    ip="203.0.113.77", user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1"
)


def fill_queue(company: dict[str, Any], *, now: datetime) -> None:
    """Let one member wait for the staff, and another have found their phone again a month ago."""
    people: dict[str, User] = {str(member["role"]): member["user"] for member in company["members"]}
    waiting = (
        "My bag with phone and laptop was stolen on the train to Utrecht. Call the office, extension 42."
    )
    _ask(people["analyst"], waiting, at=now - timedelta(hours=5))
    lost = _ask(people["developer"], "I dropped my phone into the harbour.", at=now - timedelta(days=33))
    lost.state, lost.closed_by, lost.closed_at = State.CANCELLED, "system", lost.asked_at + timedelta(hours=9)
    lost.save()


def _ask(user: User, story: str, *, at: datetime) -> RecoveryRequest:
    confirmed_at = at + timedelta(minutes=4)
    row = RecoveryRequest.objects.create(
        user=user,
        email=user.email,
        state=State.CONFIRMED,
        story=story,
        asked_at=at,
        asked_from=_TRAIN.ip,
        confirmed_at=confirmed_at,
        expires_at=confirmed_at + timedelta(days=14),
    )
    actor = Actor(user=user, kind="visitor", origin=_TRAIN)
    note(EventKind.RECOVERY_CONFIRMED, actor=actor, target=row, at=confirmed_at)
    return row
