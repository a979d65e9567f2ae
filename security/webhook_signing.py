"""Sign webhooks as standardwebhooks.com says: the only user of its library."""

import base64
import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook  # noqa: TID251 - the one importer

_PREFIX = "whsec_"
_SECRET_BYTES = 32


def make_secret() -> str:
    """Return a new secret in the form that verifiers take: ``whsec_`` and 256 random bits in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def headers_of(*, message_id: str, body: str, keys: Sequence[str], at: datetime) -> dict[str, str]:
    """Return the headers that identify and sign a message, with one signature for each secret."""
    at = at.astimezone(UTC)
    signatures = [Webhook(key).sign(msg_id=message_id, timestamp=at, data=body) for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def write_body(kind: str, *, at: datetime, account: str, data: dict[str, Any]) -> str:
    """Return a message as the text that is signed and sent: the same input gives the same text."""
    message = {"type": kind, "timestamp": at.astimezone(UTC).isoformat(), "account": account, "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))
