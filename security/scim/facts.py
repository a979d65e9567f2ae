"""Turn what the directory sends into facts that may be stored, and rows into what it reads."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from scim2_models import Context, InvalidValueException, Meta, Reference, Resource

from accounts.email_rules import EmailRefused, canonical_email
from accounts.names import is_unseen
from security.models import ScimGroup, ScimUser
from security.scim.resources import Email, Group, GroupOfUser, MemberOfGroup, Name, User

_MOST_EMAILS, _MOST_MEMBERS = 10, 10_000
_LONG_NAME, _NAME, _USER_NAME, _EXTERNAL, _TYPE = 200, 100, 254, 255, 40


@dataclass(frozen=True, slots=True)
class UserFacts:
    """What a directory says of a person, checked; the fields are those of the row."""

    user_name: str
    is_active: bool
    emails: list[dict[str, Any]]
    email: str
    email_keys: str
    external_id: str = ""
    formatted: str = ""
    given_name: str = ""
    family_name: str = ""
    display_name: str = ""

    @property
    def email_key(self) -> str:
        """Return the address that counts, as look-ups compare it."""
        return self.email.lower()

    @property
    def columns(self) -> dict[str, Any]:
        """Return the values of the row's columns."""
        return {
            "user_name": self.user_name,
            "user_name_key": self.user_name.lower(),
            "emails": self.emails,
            "email_key": self.email_key,
            "email_keys": self.email_keys,
            "external_id": self.external_id,
            "formatted": self.formatted,
            "given_name": self.given_name,
            "family_name": self.family_name,
            "display_name": self.display_name,
        }


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """What a directory says of a group, checked."""

    name: str
    external_id: str = ""
    members: frozenset[UUID] = field(default_factory=frozenset)


def user_facts(user: User) -> UserFacts:
    """Return the facts of a person.

    :raises InvalidValueException: if a value is too long, holds unseen characters, or an address is none
    """
    emails = user.emails or []
    if not 0 < len(emails) <= _MOST_EMAILS:
        raise _refuse(f"emails holds 1 to {_MOST_EMAILS} addresses")
    keys = [_address(one) for one in emails]
    places = [place for place, one in enumerate(emails) if one.primary]
    if len(places) > 1:
        raise _refuse("emails holds more than one primary address")
    name = user.name or Name()
    return UserFacts(
        user_name=_text(user.user_name, "userName", _USER_NAME, least=1),
        is_active=user.active is not False,
        emails=[_stored(one) for one in emails],
        email=keys[places[0] if places else 0],
        email_keys="\n" + "".join(f"{key.lower()}\n" for key in keys),
        external_id=_text(user.external_id, "externalId", _EXTERNAL),
        formatted=_text(name.formatted, "name.formatted", _LONG_NAME),
        given_name=_text(name.given_name, "name.givenName", _NAME),
        family_name=_text(name.family_name, "name.familyName", _NAME),
        display_name=_text(user.display_name, "displayName", _LONG_NAME),
    )


def group_facts(group: Group) -> GroupFacts:
    """Return the facts of a group.

    :raises InvalidValueException: if a value is too long or holds unseen characters, or a member is no id
    """
    members = group.members or []
    if len(members) > _MOST_MEMBERS:
        raise _refuse(f"members holds {_MOST_MEMBERS} people at most")
    return GroupFacts(
        name=_text(group.display_name, "displayName", _EXTERNAL, least=1),
        external_id=_text(group.external_id, "externalId", _EXTERNAL),
        members=frozenset(_id(one.value) for one in members),
    )


def _refuse(detail: str) -> InvalidValueException:
    return InvalidValueException(detail=detail)


def _text(text: str | None, name: str, limit: int, *, least: int = 0) -> str:
    text = text or ""
    if not least <= len(text.strip()) or len(text) > limit:
        raise _refuse(f"{name} has {least} to {limit} characters")
    if any(is_unseen(character) for character in text):
        raise _refuse(f"{name} holds characters that nobody sees")
    return text


def _address(email: Email) -> str:
    try:
        return canonical_email(email.value or "").address
    except EmailRefused as error:
        raise _refuse(f"emails.value: {error}") from error


def _stored(email: Email) -> dict[str, Any]:
    kind = _text(email.type, "emails.type", _TYPE)
    found = {"value": email.value, "type": kind or None, "primary": email.primary}
    return {name: value for name, value in found.items() if value is not None}


def _id(text: str | None) -> UUID:
    try:
        return UUID(text or "")
    except ValueError as error:
        raise _refuse("members.value is the id of a person") from error


def user_resource(row: ScimUser, groups: Sequence[ScimGroup], *, base: str, now: datetime) -> User:
    """Return a person as the directory reads them."""
    name = {"formatted": row.formatted, "given_name": row.given_name, "family_name": row.family_name}
    name = {key: text for key, text in name.items() if text}
    found = User(
        id=str(row.public_id),
        external_id=row.external_id or None,
        user_name=row.user_name,
        name=Name(**name) if name else None,
        display_name=row.display_name or None,
        emails=[Email(**one) for one in row.emails],
        active=is_active(row, now),
        groups=[_group_of_user(group, base) for group in groups] or None,
    )
    return _with_meta(found, row, "User", f"{base}/Users/{row.public_id}")


def is_active(row: ScimUser, now: datetime) -> bool:
    """Say whether the person may come in, or may once they accepted."""
    return row.membership.is_live(now) if row.membership else row.is_active


def _group_of_user(group: ScimGroup, base: str) -> GroupOfUser:
    where: Any = f"{base}/Groups/{group.public_id}"
    return GroupOfUser(value=str(group.public_id), ref=Reference(where), display=group.name)


def group_resource(row: ScimGroup, members: Sequence[UUID], *, base: str) -> Group:
    """Return a group as the directory reads it."""
    found = Group(
        id=str(row.public_id),
        external_id=row.external_id or None,
        display_name=row.name,
        members=[_member(public_id, base) for public_id in members] or None,
    )
    return _with_meta(found, row, "Group", f"{base}/Groups/{row.public_id}")


def _member(public_id: UUID, base: str) -> MemberOfGroup:
    where: Any = f"{base}/Users/{public_id}"
    return MemberOfGroup(value=str(public_id), ref=Reference(where), type="User")


def _with_meta(found: Any, row: Any, kind: str, location: str) -> Any:
    """Add where it is and its version, which is a digest of all that it says."""
    found.meta = Meta(
        resource_type=kind,
        created=row.created_at,
        last_modified=row.changed_at,
        location=location,
        version=version_of(found),
    )
    return found


def version_of(resource: Resource[Any]) -> str:
    """Return the entity tag of what the resource says."""
    said = resource.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    said.pop("meta", None)
    digest = hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()
    return f'W/"{digest[:32]}"'
