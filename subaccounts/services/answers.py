"""Answer a call that is repeated because its answer was lost, without doing again what it asked for.

An answer is kept in the transaction of what was done and forgotten once it has left the server. What is still there
was lost: by an error further out, by a process that died. The SDKs ask again at once after a 5xx, so such a call
within a minute gets what is kept. The same call after an answer that arrived is a new one.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from accounts.models import Account
from console.core.errors import Unavailable
from subaccounts.models import KeptAnswer

Answer = tuple[int, dict[str, Any]]
# An answer that arrived is forgotten a moment later: a quick caller may be faster, and another process serves it.
_PATIENCE_SECONDS, _STEP_SECONDS = 0.3, 0.02
_TURNS = 5
_KEEP = """
INSERT INTO subaccounts_keptanswer AS kept (account_id, digest, status, body, made_at)
VALUES (%(account)s, %(digest)s, 0, '{}', %(now)s)
ON CONFLICT (digest) DO UPDATE SET made_at = EXCLUDED.made_at WHERE kept.made_at < %(since)s
RETURNING id
"""


class _Taken(Exception):
    """The same call is being answered, or its answer was lost."""


def answer_once(
    *, account: Account, digest: bytes, now: datetime, run: Callable[[], Answer]
) -> tuple[Answer, Callable[[], None]]:
    """Return the answer and what is to be called once it has left the server.

    ``run`` works in the transaction that keeps its answer, and never beside the same call.

    :raises Unavailable: while the same call is made again and again
    """
    for _ in range(_TURNS):
        if lost := _wait(digest, now):
            return (lost.status, lost.body), _forgetter(digest)
        try:
            return _run_and_keep(account, digest, now, run), _forgetter(digest)
        except _Taken:
            continue
    raise Unavailable("The same call is made too often at once. Nothing was done.")


def _wait(digest: bytes, now: datetime) -> KeptAnswer | None:
    """Return the kept answer of an earlier call, unless that call ends while we look."""
    until = time.monotonic() + _PATIENCE_SECONDS
    since = now - timedelta(seconds=settings.CONSOLE_LOST_ANSWER_SECONDS)
    rows = KeptAnswer.unscoped.filter(digest=digest, made_at__gte=since)
    found = rows.first()
    while found and time.monotonic() < until:
        time.sleep(_STEP_SECONDS)
        found = rows.first()
    return found


def _run_and_keep(account: Account, digest: bytes, now: datetime, run: Callable[[], Answer]) -> Answer:
    with transaction.atomic():
        # The row comes first: whoever makes the same call at the same time waits for it.
        pk = _take(account, digest, now)
        status, body = run()
        KeptAnswer.unscoped.filter(pk=pk).update(status=status, body=body)
    return status, body


def _take(account: Account, digest: bytes, now: datetime) -> int:
    since = now - timedelta(seconds=settings.CONSOLE_LOST_ANSWER_SECONDS)
    KeptAnswer.unscoped.filter(account=account, made_at__lt=since - timedelta(hours=1)).delete()
    values: dict[str, Any] = {"account": account.pk, "digest": digest, "now": now, "since": since}
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, values)
        found = cursor.fetchone()
    if found is None:
        raise _Taken
    return int(found[0])


def _forgetter(digest: bytes) -> Callable[[], None]:
    def forget() -> None:
        KeptAnswer.unscoped.filter(digest=digest).delete()

    return forget
