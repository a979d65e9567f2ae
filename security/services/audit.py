"""Export an account's audit log, and verify its chain."""

from collections.abc import Generator
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from console.core import audit_log
from console.core.access import Actor
from console.core.audit import verify
from console.core.audit_log import Filters
from console.core.events import EventKind, record
from console.core.models import AuditEvent
from console.core.permissions import Permission
from console.core.ratelimit import Limit, extend, give_back, spend

_RUNNING = Limit("audit-export-running", 1, 60)
_EXPORTS = Limit("audit-export", 30, 3600)
_VERIFICATIONS = Limit("audit-verify", 20, 3600)
_FLAWS_KEPT = 20


def export_log(
    *, actor: Actor, filters: Filters, file_format: str, now: datetime
) -> Generator[list[AuditEvent], None, None]:
    """Note the export in the log, and return the events before it in batches.

    :raises TooManyRequests: while another export of the account runs, or after too many
    """
    actor.require_view(Permission.AUDIT_VIEW)
    key = str(actor.account.pk)
    message = "An export of this audit log is already running. Wait until it has ended, then start the next."
    spend(_RUNNING, key, now=now, message=message)
    try:
        spend(
            _EXPORTS,
            key,
            now=now,
            message="The audit log was exported too often. Wait a while, then try again.",
        )
        place = _note_export(actor, filters, file_format)
    except BaseException:
        give_back(_RUNNING, key)
        raise
    return _batches(audit_log.chain_of(actor.account), filters, place, key)


@transaction.atomic
def _note_export(actor: Actor, filters: Filters, file_format: str) -> int:
    data: dict[str, Any] = {"format": file_format, "filters": filters.words}
    event = record(EventKind.AUDIT_LOG_EXPORTED, actor=actor, target=actor.account, **data)
    event.refresh_from_db(fields=["seq"])
    return event.seq


def _batches(chain: str, filters: Filters, place: int, key: str) -> Generator[list[AuditEvent], None, None]:
    # A reader that goes away closes the generator; a process that dies leaves a mark that ends by itself.
    try:
        for batch in audit_log.iter_events(chain, filters, before=place):
            extend(_RUNNING, key, now=timezone.now())
            yield batch
    finally:
        give_back(_RUNNING, key)


def verify_log(*, actor: Actor, now: datetime) -> AuditEvent:
    """Compute the account's chain again, and note the result in the log.

    :raises TooManyRequests: if it is asked for too often
    """
    actor.require(Permission.AUDIT_VIEW)
    chain = audit_log.chain_of(actor.account)
    spend(
        _VERIFICATIONS,
        chain,
        now=now,
        message="The log was verified too often. Wait a while, then try again.",
    )
    head = audit_log.head_of(chain)
    flaws = verify(chain)
    with transaction.atomic():
        return record(
            EventKind.AUDIT_LOG_VERIFIED,
            actor=actor,
            target=actor.account,
            length=head.length,
            head=head.digest,
            flaw_count=len(flaws),
            flaws=[{"seq": flaw.seq, "problem": flaw.problem} for flaw in flaws[:_FLAWS_KEPT]],
        )
