"""Note who uses the HTTP API without writing to the database on each call.

Notes go to Valkey and are flushed by a task. While Valkey is away nothing is noted and the API works.
"""

import json
import re
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import Any

import redis
from django.db import connection, transaction

from accounts.models import ApiIdentity
from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.ratelimit import try_valkey, valkey
from console.core.requests import Origin
from console.core.routes import AUTH_ID

_USES = "api:last-use"
_REFUSALS = "api:refusals"
_FLUSH_LOCK = 7_310_001
_BATCH = 1000
_NOTE_EVERY = 1.0
_QUIET_SECONDS = 3600
_MOST_REFUSALS = 1000
_UPDATE = """
UPDATE accounts_credential AS c SET last_used_at = v.at, last_used_ip = v.ip, last_used_agent = v.agent
FROM unnest(%s::bigint[], %s::timestamptz[], %s::inet[], %s::text[]) AS v (id, at, ip, agent)
WHERE c.id = v.id AND (c.last_used_at IS NULL OR c.last_used_at < v.at)
"""


class Recent:
    """What this process noted within the last second, so that a busy caller costs no round trip."""

    def __init__(self, most: int = 10_000) -> None:
        self._lock, self._most = Lock(), most
        self._noted: OrderedDict[tuple[Any, ...], float] = OrderedDict()

    def is_due(self, key: tuple[Any, ...], now: float) -> bool:
        """Say whether the key was not noted within the last second, and remember it."""
        with self._lock:
            if now - self._noted.get(key, -_NOTE_EVERY) < _NOTE_EVERY:
                return False
            self._noted[key] = now
            self._noted.move_to_end(key)
            if len(self._noted) > self._most:
                self._noted.popitem(last=False)
        return True


recent = Recent()


def note_use(*, credential_id: int, origin: Origin, now: datetime) -> None:
    """Remember when and from where a token was last used."""
    if recent.is_due((credential_id, origin.ip, origin.user_agent), time.monotonic()):
        note = json.dumps([now.isoformat(), origin.ip, origin.user_agent])
        try_valkey(lambda client: client.hset(_USES, str(credential_id), note))


def note_refusal(*, auth_id: str, network: str, now: datetime) -> None:
    """Remember that a network gave wrong credentials for what may be an account."""
    if re.fullmatch(AUTH_ID, auth_id):
        try_valkey(lambda client: _count_refusal(client, f"{auth_id} {network}"))


def _count_refusal(client: redis.Redis, key: str) -> None:
    # Made-up Auth IDs must not fill the memory before the next flush.
    if int(client.hlen(_REFUSALS)) < _MOST_REFUSALS:  # type: ignore[arg-type]
        client.hincrby(_REFUSALS, key, 1)


def flush_last_use() -> int:
    """Write the notes to the database, and return how many tokens were noted."""
    with transaction.atomic():
        if not _is_alone():
            return 0
        notes = _take(_USES)
        rows = [(int(pk), *json.loads(note)) for pk, note in notes.items()]
        for start in range(0, len(rows), _BATCH):
            _update(rows[start : start + _BATCH])
        _record_refusals(_take(_REFUSALS))
        # A flush that dies before this line leaves the notes; writing them again changes nothing.
        valkey().delete(f"{_USES}:taken", f"{_REFUSALS}:taken")
    return len(notes)


def _is_alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_FLUSH_LOCK])
        return bool(cursor.fetchone()[0])


def _take(key: str) -> dict[str, str]:
    """Move the notes aside, unless an earlier flush left some, and return them."""
    taken = f"{key}:taken"
    if not valkey().exists(taken) and valkey().exists(key):
        valkey().rename(key, taken)
    notes: Any = valkey().hgetall(taken)
    return {name.decode(): value.decode() for name, value in notes.items()}


def _update(rows: Sequence[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_UPDATE, [list(column) for column in zip(*rows, strict=True)])


def _record_refusals(counts: Mapping[str, str]) -> None:
    pairs = {tuple(key.split(" ", 1)): int(count) for key, count in counts.items()}
    known = ApiIdentity.objects.select_related("account").in_bulk(
        list({auth_id for auth_id, _ in pairs}), field_name="auth_id"
    )
    for (auth_id, network), tries in pairs.items():
        identity = known.get(auth_id)
        # One event for an account and a network an hour: an attacker must not write the audit log.
        if identity and valkey().set(f"api:quiet:{auth_id} {network}", 1, nx=True, ex=_QUIET_SECONDS):
            actor = Actor.system(identity.account)
            record(EventKind.API_CALL_REFUSED, actor=actor, target=identity, network=network, tries=tries)
