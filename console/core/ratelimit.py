"""Count what people and machines do, and say when it is too much.

Forms count in PostgreSQL, so that a restart of Valkey forgets nothing. API calls count in Valkey; while it is
away each web process counts alone, which is stricter in sum than no limit and never refuses everybody.
"""

import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from threading import Lock
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from redis.backoff import NoBackoff
from redis.retry import Retry

from console.core.errors import TooManyRequests

_SPEND = """
INSERT INTO core_ratebucket AS bucket (key, started_at, ends_at, spent)
VALUES (%(key)s, %(now)s, %(now)s + make_interval(secs => %(seconds)s), %(cost)s)
ON CONFLICT (key) DO UPDATE SET
  spent = CASE WHEN bucket.ends_at <= %(now)s THEN %(cost)s ELSE bucket.spent + %(cost)s END,
  started_at = CASE WHEN bucket.ends_at <= %(now)s THEN %(now)s ELSE bucket.started_at END,
  ends_at = CASE WHEN bucket.ends_at <= %(now)s
            THEN %(now)s + make_interval(secs => %(seconds)s) ELSE bucket.ends_at END
RETURNING spent, extract(epoch FROM ends_at - %(now)s)::float8
"""
_EXTEND = """
UPDATE core_ratebucket SET ends_at = %(now)s + make_interval(secs => %(seconds)s) WHERE key = %(key)s
"""
_LUA = """
local spent = redis.call('INCR', KEYS[1])
if spent == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {spent, redis.call('PTTL', KEYS[1])}
"""
_LOCAL_KEYS = 10_000
_LEAVE_ALONE = 1.0
_log = logging.getLogger("console.ratelimit")


@dataclass(frozen=True, slots=True)
class Limit:
    """How often something may happen: ``count`` times in ``seconds``."""

    purpose: str
    count: int
    seconds: int


def spend(limit: Limit, key: str, *, now: datetime, message: str = "") -> int:
    """Count one use and return how many are left.

    Call it outside the transaction of the deed, or a failed deed is not counted.

    :raises TooManyRequests: if the limit is used up
    """
    values: dict[str, Any] = {"key": _name(limit, key), "now": now, "seconds": limit.seconds, "cost": 1}
    with connection.cursor() as cursor:
        cursor.execute(_SPEND, values)
        spent, seconds = cursor.fetchone()
    if spent > limit.count:
        raise TooManyRequests(
            message or "Too many tries. Wait a while, then try again.", retry_after=int(seconds) + 1
        )
    return limit.count - spent


def extend(limit: Limit, key: str, *, now: datetime) -> None:
    """Count from now on: a long deed goes on and keeps its place."""
    values: dict[str, Any] = {"key": _name(limit, key), "now": now, "seconds": limit.seconds}
    with connection.cursor() as cursor:
        cursor.execute(_EXTEND, values)


def give_back(limit: Limit, key: str) -> None:
    """Forget what was counted: a long deed is over."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM core_ratebucket WHERE key = %s", [_name(limit, key)])


def _name(limit: Limit, key: str) -> str:
    return hashlib.sha256(f"{limit.purpose}:{key}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Tally:
    """State of an API bucket: requests left and seconds until it is full again."""

    limit: int
    left: int
    reset: float

    @property
    def is_over(self) -> bool:
        """Say whether this request is one too many."""
        return self.left < 0


@cache
def valkey() -> redis.Redis:
    """Return the shared Valkey client with short timeouts."""
    return redis.Redis.from_url(
        str(settings.REDIS_URL),
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
        health_check_interval=15,
        # One more try replaces a connection that a restart of Valkey has cut; the default waits for seconds.
        retry=Retry(NoBackoff(), 1),
    )


class _Outage:
    """Leave Valkey alone for a moment after it failed, so that a hanging one does not slow every request."""

    def __init__(self) -> None:
        self._until = 0.0
        self._is_known = False

    def run(self, deed: Callable[[redis.Redis], Any]) -> Any:
        """Return what the deed returns, or None while Valkey is away."""
        if time.monotonic() < self._until:
            return None
        try:
            result = deed(valkey())
        except redis.RedisError as error:
            self._until = time.monotonic() + _LEAVE_ALONE
            if not self._is_known:
                _log.warning("valkey is away", extra={"reason": type(error).__name__})
            self._is_known = True
            return None
        self._is_known = False
        return result


_outage = _Outage()


def try_valkey(deed: Callable[[redis.Redis], Any]) -> Any:
    """Return what the deed returns, or None while Valkey is away; an outage is one line in the log."""
    return _outage.run(deed)


def count_request(key: str) -> Tally:
    """Count one API request of an account."""
    return _count(f"api:{key}", settings.CONSOLE_API_REQUESTS, settings.CONSOLE_API_WINDOW_SECONDS)


def count_failure(network: str) -> Tally:
    """Count one API request with wrong credentials from a network."""
    return _count(
        f"api-refused:{network}", settings.CONSOLE_API_FAILURES, settings.CONSOLE_API_FAILURE_SECONDS
    )


def _count(key: str, limit: int, seconds: int) -> Tally:
    found = try_valkey(lambda client: client.eval(_LUA, 1, key, seconds * 1000))
    if found is None:
        return _local.count(key, limit=limit, seconds=seconds, now=time.monotonic())
    spent, left_ms = found
    return Tally(limit, limit - spent, max(left_ms, 0) / 1000)


class _LocalBuckets:
    """Counters of this process, used while Valkey is away."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def count(self, key: str, *, limit: int, seconds: int, now: float) -> Tally:
        """Count one request in a fixed window."""
        with self._lock:
            ends_at, spent = self._buckets.pop(key, (0.0, 0))
            if ends_at <= now:
                ends_at, spent = now + seconds, 0
            self._buckets[key] = (ends_at, spent + 1)
            if len(self._buckets) > _LOCAL_KEYS:
                self._buckets.popitem(last=False)
        return Tally(limit, limit - spent - 1, ends_at - now)


_local = _LocalBuckets()
