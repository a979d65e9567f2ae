"""Do to groups what the account's directory says, and give each group the role it stands for."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.models import Account
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from security.models import ScimGroup, ScimGroupMember, ScimUser
from security.scim.facts import GroupFacts
from security.scim_queries import groups_of, members_by_group, roles_of_groups, users_of
from security.services.scim_roster import follow_team, lock_directory
from security.services.scim_users import NameTaken, follow_groups
from teams.roles import Role
from teams.services.errors import OwnerStays
from teams.services.members import check_may_grant

_MANAGE = Permission.TEAM_MANAGE
Edit = Callable[[ScimGroup, list[UUID]], GroupFacts]
Check = Callable[[ScimGroup, list[UUID]], None]


class NoSuchGroup(DomainError):
    """The directory of the account has no such group."""

    code = "not_found"


class NoSuchMemberOfGroup(DomainError):
    """A member that was named is nobody of the account's directory."""

    code = "invalidValue"


def add_group(*, actor: Actor, facts: GroupFacts, now: datetime) -> ScimGroup:
    """Add a group with its people.

    :raises NameTaken: if the directory has a group of that name
    :raises NoSuchMemberOfGroup: if a member is nobody of the directory
    """
    actor.require(_MANAGE)
    with transaction.atomic():
        account = lock_directory(actor)
        follow_team(account, now=now)
        group = ScimGroup(account=account, created_at=now)
        _write(group, facts, now)
        record(
            EventKind.SCIM_GROUP_ADDED, actor=actor, target=group, account=account, people=len(facts.members)
        )
        _set_members(group, facts.members, actor, now, had_role=False)
    return group


def _write(group: ScimGroup, facts: GroupFacts, now: datetime) -> None:
    group.name, group.name_key = facts.name, facts.name.lower()
    group.external_id, group.changed_at = facts.external_id, now
    try:
        with transaction.atomic():
            group.save()
    except IntegrityError as error:
        raise NameTaken("Another group of the directory has this displayName.") from error


def edit_group(*, actor: Actor, public_id: UUID, edit: Edit, now: datetime) -> ScimGroup:
    """Change a group; ``edit`` gets the locked row with its people and returns what is to be true.

    :raises NoSuchGroup: if the account's directory has none of that id
    :raises NameTaken: if another one has the name
    :raises NoSuchMemberOfGroup: if a member is nobody of the directory
    """
    actor.require(_MANAGE)
    with transaction.atomic():
        account = lock_directory(actor)
        follow_team(account, now=now)
        group = _find(account, public_id)
        before = members_by_group([group])[group.pk]
        had_role, name = bool(roles_of_groups(account, [group])), group.name
        facts = edit(group, before)
        if (facts.name, facts.external_id, facts.members) != (name, group.external_id, frozenset(before)):
            _write(group, facts, now)
            counts: dict[str, Any] = {"people": len(facts.members), "before": len(before)}
            record(EventKind.SCIM_GROUP_CHANGED, actor=actor, target=group, account=account, **counts)
            _set_members(group, facts.members, actor, now, had_role=had_role)
            if facts.name != name:
                follow_groups(account, _people(group), actor, now, has_lost=had_role)
    return group


def _find(account: Account, public_id: UUID) -> ScimGroup:
    group = groups_of(account).filter(public_id=public_id).first()
    if group is None:
        raise NoSuchGroup("There is no such group.")
    return group


def _people(group: ScimGroup) -> list[ScimUser]:
    return list(users_of(group.account).filter(links__group=group))


def _set_members(
    group: ScimGroup, members: Collection[UUID], actor: Actor, now: datetime, *, had_role: bool
) -> None:
    """Put in who is missing, take out who is too many, and give each the role that follows."""
    before = {row.public_id: row for row in _people(group)}
    new = set(members) - set(before)
    added = list(users_of(group.account).filter(public_id__in=new)) if new else []
    if len(added) < len(new):
        raise NoSuchMemberOfGroup("members names somebody who is not in this directory")
    gone = [row for public_id, row in before.items() if public_id not in set(members)]
    ScimGroupMember.objects.filter(group=group, user__in=gone).delete()
    ScimGroupMember.objects.bulk_create([ScimGroupMember(group=group, user=row) for row in added])
    follow_groups(group.account, added, actor, now, has_lost=False)
    follow_groups(group.account, gone, actor, now, has_lost=had_role)


def remove_group(*, actor: Actor, public_id: UUID, check: Check, now: datetime) -> None:
    """Remove a group; its people stay, without the role that came with it.

    :raises NoSuchGroup: if the account's directory has none of that id
    """
    actor.require(_MANAGE)
    with transaction.atomic():
        account = lock_directory(actor)
        group = _find(account, public_id)
        check(group, members_by_group([group])[group.pk])
        record(EventKind.SCIM_GROUP_REMOVED, actor=actor, target=group, account=account)
        had_role, people = bool(roles_of_groups(account, [group])), _people(group)
        groups_of(account).filter(pk=group.pk).delete()
        follow_groups(account, people, actor, now, has_lost=had_role)


def set_group_role(*, actor: Actor, public_id: UUID, role: Role | None, now: datetime) -> ScimGroup:
    """Say which role a group stands for, and give it to its people; None takes the role from it.

    :raises NoSuchGroup: if the account's directory has none of that id
    :raises OwnerStays: for the owner's role
    :raises RaisedOnly: if the actor is Admin for a while only
    """
    actor.require(Permission.SSO_MANAGE)
    actor.require(_MANAGE)
    check_may_grant(actor)
    if role == Role.OWNER:
        raise OwnerStays("The owner is set at sign-up and cannot be changed here.")
    with transaction.atomic():
        group = _find(lock_directory(actor), public_id)
        before, had_role = group.role, bool(roles_of_groups(group.account, [group]))
        if before != (role or ""):
            group.role, group.changed_at = role or "", now
            group.save(update_fields=["role", "changed_at"])
            words: dict[str, Any] = {"before": {"role": _word(before)}, "after": {"role": _word(group.role)}}
            record(EventKind.SCIM_GROUP_ROLE_SET, actor=actor, target=group, account=group.account, **words)
            follow_groups(group.account, _people(group), actor, now, has_lost=had_role)
    return group


def _word(role: str) -> str:
    return Role(role).label if role else "None"
