"""Remember who calls the API with which token, without a database write per call.

Counts go to Valkey, at most once a second for each process and caller, and are flushed by a task. While Valkey
is away nothing is noted and the API works.
"""

import json
import time
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from threading import Lock
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from accounts.queries.callers import FLUSHED_AT
from console.core.api import Caller
from console.core.ratelimit import try_valkey, valkey
from console.core.requests import Origin

_CALLS = "api:callers:calls"
_SEEN = "api:callers:seen"
_FLUSH_LOCK = 7_310_002
_BATCH = 1000
_NOTE_EVERY = 1.0
_MOST_CALLERS = 50_000
_MOST_OF_ACCOUNT = 5_000
_DAY_SECONDS = 86_400
_ENDPOINT, _AGENT = 120, 300
# Whoever has a token can invent addresses and clients without end: an account gets so many rows a day, and the
# memory so many notes before the next flush.
_NOTE = """
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then return 0 end
local name = string.sub(redis.sha1hex(ARGV[1]), 1, 16)
if redis.call('SISMEMBER', KEYS[3], name) == 0 then
  if redis.call('SCARD', KEYS[3]) >= tonumber(ARGV[5]) then return 0 end
  redis.call('SADD', KEYS[3], name)
  redis.call('EXPIRE', KEYS[3], ARGV[6])
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return redis.call('HINCRBY', KEYS[2], ARGV[1], ARGV[2])
"""
_UPSERT = """
INSERT INTO accounts_apicaller AS c
  (account_id, credential_id, ip, day, verdict, agent, calls, first_seen_at, last_seen_at, endpoint)
SELECT v.account_id, v.credential_id, v.ip, v.day, v.verdict, v.agent, v.calls, v.at, v.at, v.endpoint
FROM unnest(%s::bigint[], %s::bigint[], %s::inet[], %s::date[], %s::text[], %s::text[], %s::bigint[],
            %s::timestamptz[], %s::text[])
  AS v (account_id, credential_id, ip, day, verdict, agent, calls, at, endpoint)
JOIN accounts_credential AS token ON token.id = v.credential_id
JOIN accounts_account AS account ON account.id = v.account_id
ORDER BY v.account_id, v.credential_id, v.day, v.ip, v.verdict, v.agent
ON CONFLICT (account_id, credential_id, day, ip, verdict, agent) DO UPDATE SET
  calls = c.calls + excluded.calls, last_seen_at = greatest(c.last_seen_at, excluded.last_seen_at),
  first_seen_at = least(c.first_seen_at, excluded.first_seen_at), endpoint = excluded.endpoint
"""


class Pending:
    """Calls that this process has counted and not yet told Valkey, at most a second's worth of each caller."""

    def __init__(self, most: int = 10_000) -> None:
        self._lock, self._most = Lock(), most
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def count(self, key: str, now: float) -> int:
        """Count one call, and return how many to tell: 0 while the last telling is younger than a second."""
        with self._lock:
            told_at, calls = self._counts.pop(key, (-_NOTE_EVERY, 0))
            is_due = now - told_at >= _NOTE_EVERY
            self._counts[key] = (now, 0) if is_due else (told_at, calls + 1)
            if len(self._counts) > self._most:
                self._counts.popitem(last=False)
        return calls + 1 if is_due else 0


pending = Pending()


def note_caller(*, caller: Caller, origin: Origin, endpoint: str, verdict: str, now: datetime) -> None:
    """Count one call of a client, with what the allowlist said to it."""
    day, agent = now.date().isoformat(), origin.user_agent[:_AGENT]
    account = caller.account.pk
    key = json.dumps([account, caller.credential_id, origin.ip, day, verdict, agent])
    calls = pending.count(key, time.monotonic())
    if calls:
        seen = json.dumps([now.isoformat(), endpoint[:_ENDPOINT]])
        known = f"api:callers:of:{account}:{day}"
        try_valkey(lambda client: _note(client, key, calls, seen, known))


def _note(client: Any, key: str, calls: int, seen: str, known: str) -> None:
    client.eval(
        _NOTE, 3, _SEEN, _CALLS, known, key, calls, seen, _MOST_CALLERS, _MOST_OF_ACCOUNT, _DAY_SECONDS
    )


def flush_callers() -> int:
    """Write the notes to the database, and return how many callers were noted.

    What was taken is deleted before the commit: a flush that dies loses its notes and never counts twice.
    """
    started_at = timezone.now()
    with transaction.atomic():
        if not _is_alone():
            return 0
        rows = _rows(*_take())
        for start in range(0, len(rows), _BATCH):
            _upsert(rows[start : start + _BATCH])
    valkey().set(FLUSHED_AT, started_at.isoformat())
    return len(rows)


def _is_alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_FLUSH_LOCK])
        return bool(cursor.fetchone()[0])


def _take() -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    pipeline: Any = valkey().pipeline(transaction=True)
    pipeline.hgetall(_CALLS).hgetall(_SEEN).delete(_CALLS, _SEEN)
    calls, seen, _ = pipeline.execute()
    return calls, seen


def _rows(calls: dict[bytes, bytes], seen: dict[bytes, bytes]) -> list[tuple[Any, ...]]:
    rows = []
    for key, count in calls.items():
        account_id, credential_id, ip, day, verdict, agent = json.loads(key)
        at, endpoint = json.loads(seen[key])
        rows.append((account_id, credential_id, ip, day, verdict, agent, int(count), at, endpoint))
    return rows


def _upsert(rows: Sequence[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, [list(column) for column in zip(*rows, strict=True)])
