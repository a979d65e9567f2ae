"""Queue text messages and calls as rows, once per reason."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from console.core.events import send_tasks
from console.core.models import OutgoingText


def queue_text(*, channel: str, to: str, text: str, key: str, expires_at: datetime) -> OutgoingText:
    """Queue a text in the caller's transaction; after ``expires_at`` it is not sent any more."""
    row = OutgoingText(channel=channel, to=to, key=key, due_at=timezone.now(), expires_at=expires_at)
    row.seal(text)
    row.save()
    transaction.on_commit(lambda: send_tasks([("core.send_text", {"text_id": row.pk})]), robust=True)
    return row
