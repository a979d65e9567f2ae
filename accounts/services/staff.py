"""Make the people who run the console."""

from datetime import datetime

from django.contrib.auth.models import Group
from django.db import transaction

from accounts.email_rules import canonical_email
from accounts.models import User
from accounts.names import clean_name
from accounts.services.hashing import hash_password
from accounts.services.password import check_policy
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record


class StaffRefused(DomainError):
    """The staff member can't be made as asked."""

    code = "staff_refused"


def make_staff(*, email: str, full_name: str, password: str, groups: list[str], now: datetime) -> User:
    """Make a staff member with a confirmed address; their first sign-in asks for a second factor.

    :raises DomainError: if the address is taken, or name, password or a group is refused
    """
    address = canonical_email(email)
    user = User(email=address.address, email_key=address.key, full_name=clean_name(full_name, limit=150))
    if User.objects.filter(email_key=address.key).exists():
        raise StaffRefused("Somebody has this address already.", field="email")
    check_policy(password, user=user)
    user.password = hash_password(password)
    user.is_staff, user.email_verified_at, user.password_changed_at = True, now, now
    return _store(user, groups)


@transaction.atomic
def _store(user: User, groups: list[str]) -> User:
    found = list(Group.objects.filter(name__in=groups))
    if missing := sorted(set(groups) - {group.name for group in found}):
        raise StaffRefused(f"There is no group called {', '.join(missing)}.", field="groups")
    user.save()
    user.groups.set(found)
    record(EventKind.STAFF_MADE, actor=Actor.system(), target=user, groups=sorted(groups))
    return user
