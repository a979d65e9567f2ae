"""Hand the roster out as a file, and record that."""

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction

from console.core.access import Actor
from console.core.events import EventKind, record
from console.core.permissions import Permission
from console.core.ratelimit import Limit, spend
from teams.roster import Filters, Row, batches_of

_EXPORTS = Limit("roster-export", 30, 3600)


def export_roster(*, actor: Actor, filters: Filters, now: datetime) -> Iterator[list[Row]]:
    """Return the members that the filters let through, batch by batch.

    :raises TooManyRequests: above the files of an hour
    """
    actor.require_view(Permission.TEAM_MANAGE)
    spend(_EXPORTS, str(actor.account.pk), now=now)
    with transaction.atomic():
        record(EventKind.ROSTER_EXPORTED, actor=actor, target=actor.account, filters=filters.words)
    return batches_of(actor.account, filters, now=now)
