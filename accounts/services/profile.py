"""Change what a person and a company say about themselves."""

from typing import Any
from zoneinfo import available_timezones

from django.db import transaction

from accounts.models import Account, User
from accounts.names import NameRefused, clean_name
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission

NAME_LIMIT = 150
COMPANY_LIMITS = {"name": 255, "address": 400, "city": 255, "region": 255}


class ProfileRefused(DomainError):
    """A value can't be kept; ``field`` says which."""

    code = "profile_refused"


@transaction.atomic
def rename_person(*, actor: Actor, full_name: str) -> User:
    """Change the actor's name.

    :raises ProfileRefused: if the name can't be kept
    """
    actor.require(Permission.SELF_MANAGE)
    user = User.objects.select_for_update().get(pk=actor.user.pk)
    before, user.full_name = user.full_name, _cleaned("full_name", full_name, NAME_LIMIT)
    if user.full_name != before:
        user.save(update_fields=["full_name"])
        person = Actor.person(user, origin=actor.origin)
        names: dict[str, Any] = {"before": {"full_name": before}, "after": {"full_name": user.full_name}}
        record(EventKind.PROFILE_UPDATED, actor=person, target=user, **names)
    return user


@transaction.atomic
def update_company(
    *,
    actor: Actor,
    name: str | None = None,
    address: str | None = None,
    city: str | None = None,
    region: str | None = None,
    time_zone: str | None = None,
) -> Account:
    """Change the company profile; what is None stays as it is.

    :raises ProfileRefused: if a value can't be kept; nothing is changed then
    """
    actor.require(Permission.COMPANY_MANAGE)
    # The row stays open to those that only refer to it, or a charge that is written down meanwhile waits in a ring.
    account = Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)
    wanted = {"name": name, "address": address, "city": city, "region": region, "time_zone": time_zone}
    given = {field: _checked(field, value) for field, value in wanted.items() if value is not None}
    before = {field: getattr(account, field) for field in given}
    changed = [field for field in given if given[field] != before[field]]
    if not changed:
        return account
    for field in changed:
        setattr(account, field, given[field])
    account.save(update_fields=changed)
    record(
        EventKind.ACCOUNT_UPDATED,
        actor=actor,
        target=account,
        account=account,
        before={field: before[field] for field in changed},
        after={field: given[field] for field in changed},
    )
    return account


def _checked(field: str, value: str) -> str:
    if field == "time_zone":
        if value not in available_timezones():
            raise ProfileRefused("Choose a time zone from the list.", field=field)
        return value
    if not value.strip() and field != "name":
        return ""
    return _cleaned(field, value, COMPANY_LIMITS[field])


def _cleaned(field: str, value: str, limit: int) -> str:
    try:
        return clean_name(value, limit=limit)
    except NameRefused as error:
        raise ProfileRefused(str(error), field=field) from error
