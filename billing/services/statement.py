"""Export statements, and note that in the audit log."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.models import LedgerEntry
from billing.queries.statement import StatementFilters, iter_statement
from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.permissions import Permission
from console.core.ratelimit import Limit, spend

_EXPORTS = Limit("statement-export", 30, 3600)


def export_statement(
    *, actor: Actor, filters: StatementFilters, now: datetime
) -> Iterator[list[LedgerEntry]]:
    """Note the export in the audit log, and return the entries in batches, newest first.

    :raises TooManyRequests: above the files of an hour
    """
    actor.require_view(Permission.BILLING_MANAGE)
    spend(_EXPORTS, str(actor.account.pk), now=now)
    with transaction.atomic():
        facts: dict[str, Any] = {"first": filters.first, "last": filters.last, "filters": filters.words}
        record(EventKind.STATEMENT_EXPORTED, actor=actor, target=actor.account, **facts)
    return iter_statement(actor.account, filters)
