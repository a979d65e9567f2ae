"""Make operations safe to repeat: the SDKs send a call again after a 5xx."""

import json
from collections.abc import Callable
from functools import wraps

from console.core import crypto
from console.core.api import Call, Reply
from subaccounts.services.answers import answer_once


def repeatable(run: Callable[[Call], Reply]) -> Callable[[Call], Reply]:
    """Answer a call whose answer was lost as the first time, and do nothing again."""

    @wraps(run)
    def answer(call: Call) -> Reply:
        (status, body), sent = answer_once(
            account=call.caller.account,
            digest=_digest(run.__name__, call),
            now=call.now,
            run=lambda: _parts(run(call)),
        )
        return Reply(status, body, sent)

    return answer


def _parts(reply: Reply) -> tuple[int, dict[str, object]]:
    return reply.status, reply.body


def _digest(name: str, call: Call) -> bytes:
    """Return what stands for the call; arguments may hold a password, so only a keyed digest is kept."""
    facts = [name, call.caller.credential_id, dict(call.parts), dict(call.arguments)]
    return crypto.keyed_digest(json.dumps(facts, sort_keys=True), purpose="api-repeat")
