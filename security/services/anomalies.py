"""Note what is unusual in an account, once a day for each kind and subject, and who has looked at it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import Account, User
from console.core.access import Actor
from console.core.addresses import parse_address
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.geo import place_of
from console.core.models import AuditEvent
from console.core.permissions import Permission
from security.anomaly_rules import new_country
from security.models import Anomaly
from teams.queries import memberships_of

_HISTORY = 1000


class NoSuchAnomaly(DomainError):
    """The account has no such row."""

    code = "not_found"


@transaction.atomic
def note_anomaly(
    *,
    account: Account,
    kind: str,
    facts: dict[str, Any],
    now: datetime,
    subject: str = "",
    user: User | None = None,
) -> Anomaly | None:
    """Note something unusual and tell owner and admins; None when it was noted that day already.

    ``subject`` tells two cases of a kind apart: the person who signed in, the country that was called.
    """
    wanted = Anomaly(
        account=account, kind=kind, subject=subject, day=now.date(), user=user, facts=facts, noted_at=now
    )
    Anomaly.unscoped.bulk_create([wanted], ignore_conflicts=True)
    row: Anomaly | None = Anomaly.objects.of(account).filter(public_id=wanted.public_id).first()
    if row is not None:
        noted: dict[str, Any] = {"unusual": str(kind), "facts": facts}
        record(EventKind.ANOMALY_NOTED, actor=Actor.system(account), target=row, at=now, **noted)
    return row


@transaction.atomic
def acknowledge_anomaly(*, actor: Actor, public_id: UUID, now: datetime) -> Anomaly:
    """Note that somebody has looked at it; a second time changes nothing.

    :raises NoSuchAnomaly: if the account has none of that name
    """
    actor.require(Permission.SECURITY_MANAGE)
    row: Anomaly | None = (
        Anomaly.objects.of(actor.account).select_for_update().filter(public_id=public_id).first()
    )
    if row is None:
        raise NoSuchAnomaly("There is no such entry.")
    if row.acknowledged_at is None:
        row.acknowledged_at, row.acknowledged_by = now, actor.user
        row.save(update_fields=["acknowledged_at", "acknowledged_by"])
        record(EventKind.ANOMALY_ACKNOWLEDGED, actor=actor, target=row)
    return row


def watch_sign_in(event: AuditEvent) -> int:
    """Note a sign-in from a country new to the person, in each of their accounts; return how many were noted.

    Without a city database every country is unknown, and nothing is noted.
    """
    place = place_of(parse_address(event.ip or ""))
    if not place.country_iso:
        return 0
    facts = new_country(place.country_iso, seen=_countries_before(event))
    user = User.objects.filter(pk=event.user_id or 0).first()
    if facts is None or user is None:
        return 0
    facts |= {"place": str(place), "ip": event.ip, "who": user.audit_label, "sign_in": str(event.public_id)}
    noted = [
        note_anomaly(
            account=membership.account,
            kind=Anomaly.Kind.NEW_COUNTRY,
            subject=f"{user.public_id}:{place.country_iso}",
            user=user,
            facts=facts,
            now=event.at,
        )
        for membership in memberships_of(user)
    ]
    return sum(row is not None for row in noted)


def _countries_before(event: AuditEvent) -> set[str]:
    rows = AuditEvent.objects.filter(user_id=event.user_id, kind=EventKind.SIGN_IN_COMPLETED, pk__lt=event.pk)
    addresses = rows.order_by("-id").values_list("ip", flat=True)[:_HISTORY]
    return {place_of(parse_address(ip or "")).country_iso for ip in set(addresses)}
