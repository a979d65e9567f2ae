"""Export the usage log, and note that in the audit log."""

from collections.abc import Generator
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.permissions import Permission
from console.core.ratelimit import Limit, extend, give_back, spend
from subaccounts.models import UsageEvent
from subaccounts.queries.usage import UsageFilters, iter_events

_RUNNING = Limit("usage-export-running", 1, 60)
_EXPORTS = Limit("usage-export", 30, 3600)


def export_usage(
    *, actor: Actor, filters: UsageFilters, now: datetime
) -> Generator[list[UsageEvent], None, None]:
    """Note the export in the audit log, and return the events in batches, newest first.

    :raises TooManyRequests: while another export of the account runs, or after too many
    """
    actor.require(Permission.USAGE_MANAGE)
    key = str(actor.account.pk)
    message = "An export of this usage log is already running. Wait until it has ended, then start the next."
    spend(_RUNNING, key, now=now, message=message)
    try:
        message = "The usage log was exported too often. Wait a while, then try again."
        spend(_EXPORTS, key, now=now, message=message)
        with transaction.atomic():
            record(EventKind.USAGE_EXPORTED, actor=actor, target=actor.account, filters=filters.words)
    except BaseException:
        give_back(_RUNNING, key)
        raise
    return _batches(actor, filters, now, key)


def _batches(
    actor: Actor, filters: UsageFilters, now: datetime, key: str
) -> Generator[list[UsageEvent], None, None]:
    # A reader that goes away closes the generator; a process that dies leaves a mark that ends by itself.
    try:
        for batch in iter_events(actor, filters, now=now):
            extend(_RUNNING, key, now=timezone.now())
            yield batch
    finally:
        give_back(_RUNNING, key)
