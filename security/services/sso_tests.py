"""Keep what came of a test of single sign-on, and let a good one make the connection ready."""

from datetime import datetime
from typing import Any

from django.db import transaction

from console.core.access import Actor
from console.core.events import EventKind, record
from security.models import SsoConnection, SsoRequest, SsoTest

KEPT = 20
State = SsoConnection.State


@transaction.atomic
def store_test(*, asked: SsoRequest, report: dict[str, Any], is_good: bool, now: datetime) -> SsoTest:
    """Keep the report of a test, which the page of the test shows as it is.

    It holds ``reason`` (why not, a sentence), ``facts`` (label and value pairs of the decoded assertion),
    ``attributes`` (each with ``name`` and ``values``), ``matched`` (what we made of them, label and value) and
    ``missing`` (names that we looked for in vain); never the message itself.
    """
    connection = (
        SsoConnection.unscoped.select_for_update().select_related("account").get(pk=asked.connection_id)
    )
    test = SsoTest.objects.create(
        connection=connection, user=asked.user, at=now, is_good=is_good, report=report
    )
    is_current = asked.made_at >= connection.changed_at
    if is_good and is_current and connection.state == State.DRAFT and connection.is_complete:
        connection.state = State.TESTED
        connection.save(update_fields=["state"])
    _forget_old(connection)
    actor = Actor(user=asked.user, account=connection.account)
    record(EventKind.SSO_TESTED, actor=actor, target=connection, is_good=is_good)
    return test


def _forget_old(connection: SsoConnection) -> None:
    rows = SsoTest.objects.filter(connection=connection).order_by("-at", "-id")
    kept = list(rows.values_list("pk", flat=True)[:KEPT])
    rows.exclude(pk__in=kept).delete()
