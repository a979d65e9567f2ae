"""Remember which addresses call the API, without a database write per call.

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

from console.core.ratelimit import try_valkey, valkey
from console.core.requests import Origin

_CALLS = "api:callers:calls"
_SEEN = "api:callers:seen"
_FLUSH_LOCK = 7_310_002
_BATCH = 1000
_NOTE_EVERY = 1.0
_MOST_CALLERS = 50_000
_ENDPOINT, _AGENT = 120, 300
_UPSERT = """
INSERT INTO security_apicaller AS c
  (account_id, ip, day, verdict, calls, first_seen_at, last_seen_at, endpoint, agent)
SELECT v.account_id, v.ip, v.day, v.verdict, v.calls, v.at, v.at, v.endpoint, v.agent
FROM unnest(%s::bigint[], %s::inet[], %s::date[], %s::text[], %s::bigint[], %s::timestamptz[], %s::text[],
            %s::text[]) AS v (account_id, ip, day, verdict, calls, at, endpoint, agent)
JOIN accounts_account AS account ON account.id = v.account_id
ORDER BY v.account_id, v.day, v.ip, v.verdict
ON CONFLICT (account_id, day, ip, verdict) DO UPDATE SET
  calls = c.calls + excluded.calls, last_seen_at = greatest(c.last_seen_at, excluded.last_seen_at),
  endpoint = excluded.endpoint, agent = excluded.agent
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


def note_caller(*, account_id: int, origin: Origin, endpoint: str, verdict: str, now: datetime) -> None:
    """Count one call of an address, with what the allowlist said to it."""
    key = json.dumps([account_id, origin.ip, now.date().isoformat(), verdict])
    calls = pending.count(key, time.monotonic())
    if calls:
        seen = json.dumps([now.isoformat(), endpoint[:_ENDPOINT], origin.user_agent[:_AGENT]])
        try_valkey(lambda client: _note(client, key, calls, seen))


def _note(client: Any, key: str, calls: int, seen: str) -> None:
    # Somebody with a token and many addresses must not fill the memory before the next flush.
    if client.hlen(_SEEN) < _MOST_CALLERS:
        pipeline = client.pipeline(transaction=True)
        pipeline.hincrby(_CALLS, key, calls).hset(_SEEN, key, seen)
        pipeline.execute()


def flush_callers() -> int:
    """Write the notes to the database, and return how many callers were noted.

    What was taken is deleted before the commit: a flush that dies loses its notes and never counts twice.
    """
    with transaction.atomic():
        if not _is_alone():
            return 0
        rows = _rows(*_take())
        for start in range(0, len(rows), _BATCH):
            _upsert(rows[start : start + _BATCH])
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
        account_id, ip, day, verdict = json.loads(key)
        at, endpoint, agent = json.loads(seen[key])
        rows.append((account_id, ip, day, verdict, int(count), at, endpoint, agent))
    return rows


def _upsert(rows: Sequence[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, [list(column) for column in zip(*rows, strict=True)])
