"""Say whether a token may be revoked without breaking a caller, and when its end is warned about."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import Credential

HOUR, DAY = timedelta(hours=1), timedelta(hours=24)
# Calls are counted every ten seconds. Later than this, silence may mean that nobody counts.
_COUNT_IS_OLD = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Advice:
    """What the calls of the last day say about revoking a token; ``callers`` called within it.

    ``text`` is the verdict, ``toll`` who would lose access.
    """

    level: str
    text: str
    toll: str
    callers: int

    @property
    def is_used(self) -> bool:
        """Say whether somebody loses access when the token goes."""
        return self.level == "warn"


def advise(
    last_calls: Collection[datetime],
    *,
    last_used_at: datetime | None,
    counted_at: datetime | None,
    now: datetime,
) -> Advice:
    """Judge by each caller's last call; ``counted_at`` is when calls were last counted.

    The last use of the token itself is noted apart from its callers, and counts too.
    """
    hour = sum(now - at < HOUR for at in last_calls)
    day = sum(now - at < DAY for at in last_calls)
    if hour:
        return Advice("warn", f"Still used: {_callers(hour)} in the last hour", _toll(day), day)
    if day:
        text = f"Still used: {_callers(day)} in the last 24 h, none in the last hour"
        return Advice("warn", text, _toll(day), day)
    if last_used_at and now - last_used_at < DAY:
        return Advice("warn", "Still used: called in the last 24 h", "It was used in the last 24 h.", 0)
    if counted_at is None or now - counted_at > _COUNT_IS_OLD:
        return Advice("", "Not known: calls are not being counted now", "Who uses it is not known now.", 0)
    if last_used_at is None:
        return Advice("good", "Safe to revoke: never used", "It was never used.", 0)
    return Advice("good", "Safe to revoke: no calls in 24 h", "Nobody used it in the last 24 h.", 0)


def _toll(number: int) -> str:
    return f"{_callers(number)} used it in the last 24 h."


def _callers(number: int) -> str:
    return f"{number:,} caller{'' if number == 1 else 's'}"


def warning_due(token: Credential, *, is_used: bool, now: datetime) -> str:
    """Return which warning about its end the token is due for: "day", "hour", or none.

    The one of the last hour is for tokens that somebody still uses.
    """
    if token.ends_at is None or token.ends_at <= now:
        return ""
    if token.ends_at - now <= HOUR:
        return "hour" if is_used and token.warned_hour_before != token.ends_at else ""
    is_day = token.ends_at - now <= DAY and token.warned_day_before != token.ends_at
    return "day" if is_day else ""


def set_end(token: Credential, ends_at: datetime | None, *, now: datetime) -> None:
    """Give the token its end; a warning whose time is over already would only repeat what was just chosen."""
    token.ends_at = ends_at
    if ends_at and ends_at - now <= DAY:
        token.warned_day_before = ends_at
    if ends_at and ends_at - now <= HOUR:
        token.warned_hour_before = ends_at
