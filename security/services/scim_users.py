"""Do to people what the account's directory says: add, change, suspend, remove.

A directory speaks for its own account. It makes a member only of somebody whose address is at a domain that the
account has proved; anybody else gets an invitation. Nothing here changes a person's sign-in.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.email_rules import check_work_email
from accounts.models import Account, User
from accounts.names import NameRefused, clean_name
from accounts.queries import rules
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission
from security.models import ScimGroup, ScimUser
from security.scim.facts import UserFacts, is_active
from security.scim_queries import (
    default_role,
    groups_by_user,
    owns_domain,
    roles_of_groups,
    signs_in_by_provider,
    strongest,
    users_of,
)
from security.services.scim_roster import follow_team, lock_directory
from teams import services as teams
from teams.models import Membership
from teams.roles import Role

_MANAGE = Permission.TEAM_MANAGE
_LONGEST_NAME = 150
Edit = Callable[[ScimUser, list[ScimGroup]], UserFacts]
Check = Callable[[ScimUser, list[ScimGroup]], None]


class NoSuchPerson(DomainError):
    """The directory of the account has no such person."""

    code = "not_found"


class NameTaken(DomainError):
    """Another row of the directory has the name or the address."""

    code = "uniqueness"


def add_person(*, actor: Actor, facts: UserFacts, now: datetime) -> ScimUser:
    """Add a person: a member when the domain is the account's own, or else somebody who is invited.

    A member whom the directory has not named yet is taken over as they are.

    :raises NameTaken: if the directory has the name or the address
    :raises PlanNeeded: without a plan
    :raises EmailRefused: if the address cannot be invited
    :raises InvitationFull: if as many invitations are open as may be
    :raises TooManyRequests: above the mails of a day
    """
    actor.require(_MANAGE)
    with transaction.atomic():
        account = lock_directory(actor)
        follow_team(account, now=now)
        row = users_of(account).filter(email_key=facts.email_key, is_copied=True).first()
        if row is None:
            row = ScimUser(account=account, created_at=now, is_active=False)
        _write(row, facts, now)
        record(EventKind.SCIM_USER_ADDED, actor=actor, target=row, account=account)
        _set_active(row, actor, now, wanted=facts.is_active, has_moved=False)
    return row


def _write(row: ScimUser, facts: UserFacts, now: datetime) -> None:
    for name, value in facts.columns.items():
        setattr(row, name, value)
    row.changed_at, row.is_copied = now, False
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise NameTaken("The userName or the address belongs to another person of the directory.") from error


def edit_person(*, actor: Actor, public_id: UUID, edit: Edit, now: datetime) -> ScimUser:
    """Change a person; ``edit`` gets the locked row with its groups and returns what is to be true.

    :raises NoSuchPerson: if the account's directory has none of that id
    :raises OwnerStays: if the owner was to be suspended
    :raises NameTaken: if another one has the name or the address
    """
    actor.require(_MANAGE)
    with transaction.atomic():
        account = lock_directory(actor)
        row = _find(account, public_id, now)
        facts = edit(row, groups_by_user([row])[row.pk])
        has_moved = facts.email_key != row.email_key
        changed = sorted(name for name, value in facts.columns.items() if getattr(row, name) != value)
        if changed:
            _write(row, facts, now)
            record(EventKind.SCIM_USER_CHANGED, actor=actor, target=row, account=account, fields=changed)
        _set_active(row, actor, now, wanted=facts.is_active, has_moved=has_moved)
    return row


def _find(account: Account, public_id: UUID, now: datetime) -> ScimUser:
    follow_team(account, now=now)
    row = users_of(account).filter(public_id=public_id).first()
    if row is None:
        raise NoSuchPerson("There is no such person.")
    return row


def remove_person(*, actor: Actor, public_id: UUID, check: Check, now: datetime) -> None:
    """Take a person out of the directory and out of the team; access, tokens and lone sessions end at once.

    :raises NoSuchPerson: if the account's directory has none of that id
    :raises OwnerStays: for the owner
    """
    actor.require(_MANAGE)
    with transaction.atomic():
        account = lock_directory(actor)
        row = _find(account, public_id, now)
        check(row, groups_by_user([row])[row.pk])
        record(EventKind.SCIM_USER_REMOVED, actor=actor, target=row, account=account)
        if row.membership:
            # The row goes with the membership.
            teams.remove_member(actor=actor, member_id=row.membership.public_id, now=now)
        else:
            _withdraw(row, actor, now)
            users_of(account).filter(pk=row.pk).delete()


def _set_active(row: ScimUser, actor: Actor, now: datetime, *, wanted: bool, has_moved: bool) -> None:
    """Let the person in or keep them out, as far as that differs from what is."""
    is_in = is_active(row, now)
    if row.membership:
        deed = teams.restore_member if wanted else teams.suspend_member
        if wanted != is_in:
            row.membership = deed(actor=actor, member_id=row.membership.public_id, now=now)
        return
    if is_in and (has_moved or not wanted):
        _withdraw(row, actor, now)
    row.is_active = wanted
    if wanted and (has_moved or not is_in):
        _place(row, actor, now)
    row.save(update_fields=["is_active", "membership", "invitation"])


def _withdraw(row: ScimUser, actor: Actor, now: datetime) -> None:
    """Take the invitation back, if it is open."""
    if row.invitation and row.invitation.is_open:
        teams.revoke_invitation(actor=actor, invitation_id=row.invitation.public_id, now=now)
    row.invitation = None


def _place(row: ScimUser, actor: Actor, now: datetime) -> None:
    """Give a row without a member one, or an invitation."""
    account, email = row.account, _address_of(row)
    role = role_of(row) or default_role(account)
    member = Membership.objects.of(account).filter(user__email_key=row.email_key, scim_user=None).first()
    if member is None and owns_domain(account, email):
        user = _person(row, email, now)
        if user is not None:
            member = teams.enrol_member(actor=actor, user=user, role=role, now=now)
    row.membership = member
    if member is None:
        row.invitation = _invite(row, email, role, actor, now)


def _address_of(row: ScimUser) -> str:
    """Return the address that counts, as it was written."""
    found = [one["value"] for one in row.emails if str(one["value"]).lower() == row.email_key]
    return str(found[0]) if found else row.email_key


def _person(row: ScimUser, email: str, now: datetime) -> User | None:
    """Return the confirmed owner of the address; where people sign in by their provider, make one.

    An address that somebody gave and never confirmed is left to the invitation, which proves whose it is.
    """
    known = User.objects.filter(email_key=row.email_key).first()
    if known is not None:
        is_safe = known.email_verified_at is not None and known.is_active and not known.is_staff
        return known if is_safe else None
    if not signs_in_by_provider(row.account):
        return None
    user = User(email=email, email_key=row.email_key, full_name=_full_name(row, email), created_at=now)
    user.set_unusable_password()
    user.email_verified_at = user.password_changed_at = now
    user.save()
    record(EventKind.USER_SIGNED_UP, actor=Actor(user=user, kind="scim"), target=user, mails=False)
    return user


def _full_name(row: ScimUser, email: str) -> str:
    names = (row.formatted, f"{row.given_name} {row.family_name}".strip(), row.display_name)
    for name in (*names, email.partition("@")[0]):
        try:
            return clean_name(name, limit=_LONGEST_NAME)
        except NameRefused:
            continue
    return email


def _invite(row: ScimUser, email: str, role: Role, actor: Actor, now: datetime) -> Any:
    if not owns_domain(row.account, email):
        allow, block = rules.domain_rules()
        check_work_email(email, allow=allow, block=block, check_deliverability=False)
    return teams.invite_member(actor=actor, email=email, role=role, now=now)


def role_of(row: ScimUser) -> Role | None:
    """Return the strongest role of the person's groups, if one of them stands for a role."""
    return roles_by_user(row.account, [row])[row.pk]


def roles_by_user(account: Account, rows: Sequence[ScimUser]) -> dict[int, Role | None]:
    """Return for each of the people the strongest role of their groups, with as many queries for one as for all."""
    groups = groups_by_user(rows)
    known = {group.pk: group for found in groups.values() for group in found}
    roles = roles_of_groups(account, list(known.values()))
    return {row.pk: strongest([roles[one.pk] for one in groups[row.pk] if one.pk in roles]) for row in rows}


def follow_groups(
    account: Account, rows: Sequence[ScimUser], actor: Actor, now: datetime, *, has_lost: bool
) -> None:
    """Give the people the roles of their groups; who lost the last of those that count gets the default one."""
    if not rows:
        return
    roles, otherwise = roles_by_user(account, rows), default_role(account) if has_lost else None
    for row in rows:
        if role := roles[row.pk] or otherwise:
            _give(row, role, actor, now)


def _give(row: ScimUser, role: Role, actor: Actor, now: datetime) -> None:
    if row.membership:
        if row.membership.role not in {role, Role.OWNER}:
            teams.change_role(actor=actor, member_id=row.membership.public_id, role=role, now=now)
    elif row.invitation and row.invitation.is_open:
        teams.change_invited_role(actor=actor, invitation_id=row.invitation.public_id, role=role)
