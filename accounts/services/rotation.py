"""Put off the end of a retiring Auth Token once, and warn before it."""

from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.models import Account, ApiIdentity, Credential, TokenExtension
from accounts.queries.callers import advice_on
from accounts.queries.credentials import find_token
from accounts.rotation_rules import DAY, set_end, warning_due
from accounts.services.credentials import NoSuchToken, lock_holder
from accounts.services.lockdown import refuse_held
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission

EXTEND_BY = MappingProxyType({"24h": timedelta(hours=24), "3d": timedelta(days=3), "7d": timedelta(days=7)})
_MARKS = ["ends_at", "warned_day_before", "warned_hour_before"]


class NoExtension(DomainError):
    """The end of the token stays where it is."""

    code = "no_extension"
    field = "extend"


def extend_token(
    *, actor: Actor, public_id: UUID, extend: str, now: datetime, identity: ApiIdentity | None = None
) -> Credential:
    """Put off the end of a retiring token, counted from that end (a key of EXTEND_BY); once for each token.

    :raises NoSuchToken: if the identity, or else the account itself, has none of that name
    :raises NoExtension: if it has ended, has no end, or was put off before
    :raises TokensHeld: while the account is locked down
    """
    actor.require(Permission.CREDENTIAL_MANAGE)
    with transaction.atomic():
        locked = lock_holder(actor.account, identity)
        refuse_held(locked.account)
        token = find_token(locked.account, public_id, identity)
        if token is None:
            raise NoSuchToken("There is no such token.")
        before = _end_to_extend(token, now)
        after = before + EXTEND_BY[extend]
        set_end(token, after, now=now)
        token.save(update_fields=_MARKS)
        TokenExtension.objects.create(
            credential=token, made_by=actor.user, made_at=now, ended_before=before, ends_at=after
        )
        facts: dict[str, Any] = {"token": str(token), "before": before, "after": after}
        record(EventKind.CREDENTIAL_EXTENDED, actor=actor, target=token, **facts)
        return token


def _end_to_extend(token: Credential, now: datetime) -> datetime:
    if not token.is_live(now):
        raise NoExtension(f"{token} has ended, and stays ended.")
    if token.ends_at is None:
        raise NoExtension(f"{token} has no end. It works until it is revoked.")
    if TokenExtension.objects.filter(credential=token).exists():
        raise NoExtension(f"The end of {token} was put off before. That works once.")
    return token.ends_at


def warn_of_ends(*, now: datetime, limit: int = 500) -> int:
    """Warn of primary tokens that end within a day; return how many warnings were written down."""
    soon = Q(ends_at__gt=now, ends_at__lte=now + DAY, ended_at=None, kind=Credential.Kind.PRIMARY)
    due = Credential.objects.filter(soon).order_by("ends_at")
    return sum(_warn(pk, now=now) for pk in due.values_list("pk", flat=True)[:limit])


@transaction.atomic
def _warn(pk: int, *, now: datetime) -> bool:
    identity = (
        ApiIdentity.objects.select_for_update(of=("self",)).select_related("account").get(credentials=pk)
    )
    account: Account = identity.account
    token = Credential.objects.get(pk=pk)
    advice = advice_on(account, token, now=now)
    warning = warning_due(token, is_used=advice.is_used, now=now)
    if not warning or token.ended_at is not None:
        return False
    setattr(token, f"warned_{warning}_before", token.ends_at)
    token.save(update_fields=_MARKS[1:])
    facts: dict[str, Any] = {"token": str(token), "ends_at": token.ends_at}
    is_extended = TokenExtension.objects.filter(credential=token).exists()
    facts |= {"advice": advice.text, "callers": advice.callers, "extended": is_extended}
    record(EventKind.CREDENTIAL_ENDING, actor=Actor.system(account), target=token, **facts)
    return True
