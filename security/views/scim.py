"""Answer a directory: people, groups, and what the service can do (RFC 7644)."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.http import HttpResponse
from scim2_models import (
    Context,
    InvalidValueException,
    ListResponse,
    NotFoundException,
    PatchOp,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    Schema,
)

from security.models import ScimGroup, ScimUser
from security.scim.answers import answer, error_answer
from security.scim.facts import (
    GroupFacts,
    UserFacts,
    group_facts,
    group_resource,
    is_active,
    user_facts,
    user_resource,
)
from security.scim.filters import group_condition, user_condition
from security.scim.resources import MOST_RESULTS, POLICY, Group, User, discovery
from security.scim_queries import base_url, groups_by_user, groups_of, members_by_group, users_of
from security.services import scim_groups, scim_users
from security.services.scim_roster import follow_team
from security.views.scim_kernel import Call, endpoint

_CREATE, _REPLACE = Context.RESOURCE_CREATION_REQUEST, Context.RESOURCE_REPLACEMENT_REQUEST
_PATCH, _READ = Context.RESOURCE_PATCH_REQUEST, Context.RESOURCE_QUERY_RESPONSE
_PAGE, _MADE = 100, 201


# --- What the service can do ----------------------------------------------------------------


def _config(call: Call) -> HttpResponse:
    return answer(200, discovery(base_url())[0].model_dump(scim_ctx=_READ))


def _types(call: Call) -> HttpResponse:
    return _all_of(call, ResourceType, discovery(base_url())[1])


def _schemas(call: Call) -> HttpResponse:
    return _all_of(call, Schema, discovery(base_url())[2])


def _all_of(call: Call, kind: Any, rows: list[Any]) -> HttpResponse:
    """Answer with all of them, or with the one that the address names; filters are refused (RFC 7644, 4)."""
    if "filter" in call.query:
        return error_answer(403, "discovery is not filtered")
    wanted = call.parts.get("name")
    if wanted is None:
        found: Any = ListResponse[kind](
            total_results=len(rows), start_index=1, items_per_page=len(rows), resources=rows
        )
        return answer(200, found.model_dump(scim_ctx=_READ))
    one = next((row for row in rows if str(row.id).lower() == wanted.lower()), None)
    return answer(200, one.model_dump(scim_ctx=_READ)) if one else error_answer(404)


# --- Reading ----------------------------------------------------------------------------------


def _parameters(call: Call, kind: Any) -> Any:
    names = {"attributes": "attributes", "excludedAttributes": "excluded_attributes"}
    given = {field: call.query[name] for name, field in names.items() if call.query.get(name)}
    return ResponseParameters[kind].model_validate(given)


def _number(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, "")
    if not text:
        return default
    try:
        return max(-1, min(int(text), 2**31))
    except ValueError as error:
        raise InvalidValueException(detail=f"{name} is a whole number") from error


def _one(call: Call, found: Resource[Any], status: int = 200) -> HttpResponse:
    """Answer with one resource, where it is and its version, or say that the caller has it already."""
    version, location = _version(found), (found.meta.location or "") if found.meta else ""
    if call.request.method in {"GET", "HEAD"} and _matches(call, "If-None-Match", version):
        return answer(304, ETag=version)
    body = found.model_dump(scim_ctx=_READ, response_parameters=_parameters(call, type(found)))
    name = "Location" if status == _MADE else "Content_Location"
    return answer(status, body, ETag=version, **{name: location})


def _version(found: Resource[Any]) -> str:
    return (found.meta.version or "") if found.meta else ""


def _matches(call: Call, header: str, version: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in call.request.headers.get(header, "").split(",")]
    return "*" in tags or version.removeprefix("W/") in tags


def _check_version(call: Call, found: Resource[Any]) -> None:
    """Refuse to change what is not what the caller saw."""
    if call.request.headers.get("If-Match") and not _matches(call, "If-Match", _version(found)):
        raise PreconditionFailedException(detail="the resource has changed since that version")


def _page(
    call: Call, kind: Any, rows: QuerySet[Any], condition: Q | None, shown: Callable[[list[Any]], list[Any]]
) -> HttpResponse:
    """Answer with a page of what the filter lets through; places begin at 1 (RFC 7644, 3.4.2.4)."""
    if condition is not None:
        # By id, so that a row with several groups is there once.
        model: type[Model] = rows.model
        fitting = model._base_manager.filter(condition, account=call.actor.account)  # noqa: SLF001 - Django's name
        rows = rows.filter(pk__in=fitting.values("pk"))
    start = max(_number(call, "startIndex", 1), 1)
    count = min(max(_number(call, "count", _PAGE), 0), MOST_RESULTS)
    total, found = rows.count(), shown(list(rows[start - 1 : start - 1 + count]))
    response: Any = ListResponse[kind](
        total_results=total, start_index=start, items_per_page=len(found), resources=found
    )
    return answer(200, response.model_dump(scim_ctx=_READ, response_parameters=_parameters(call, kind)))


def _id(call: Call) -> UUID:
    """Return the id of the address; one that no row could have is found as little as any other."""
    try:
        return UUID(call.parts["key"])
    except ValueError as error:
        raise NotFoundException(detail="not found") from error


# --- People -----------------------------------------------------------------------------------


def _users(call: Call) -> HttpResponse:
    follow_team(call.actor.account, now=call.now)
    text = call.query.get("filter")
    condition = user_condition(text, now=call.now) if text else None
    return _page(call, User, users_of(call.actor.account), condition, lambda rows: _shown_users(rows, call))


def _shown_users(rows: list[ScimUser], call: Call) -> list[User]:
    groups = groups_by_user(rows)
    return [user_resource(row, groups[row.pk], base=base_url(), now=call.now) for row in rows]


def _user(call: Call) -> HttpResponse:
    follow_team(call.actor.account, now=call.now)
    row = users_of(call.actor.account).filter(public_id=_id(call)).first()
    if row is None:
        return error_answer(404)
    return _one(call, _shown_users([row], call)[0])


def _user_add(call: Call) -> HttpResponse:
    facts = user_facts(User.model_validate(_completed(call.body, is_active=True), scim_ctx=_CREATE))
    row = scim_users.add_person(actor=call.actor, facts=facts, now=call.now)
    return _one(call, _shown_users([row], call)[0], 201)


def _completed(body: Mapping[str, Any], *, is_active: bool) -> dict[str, Any]:
    """Add what directories leave out: whether the person is active, and the address that is the userName."""
    names = {name.lower(): name for name in body}
    found = dict(body)
    if body.get(names.get("active", "")) is None:
        found[names.get("active", "active")] = is_active
    user_name = body.get(names.get("username", ""))
    if not body.get(names.get("emails", "")) and isinstance(user_name, str) and "@" in user_name:
        found[names.get("emails", "emails")] = [{"value": user_name, "primary": True}]
    return found


def _user_replace(call: Call) -> HttpResponse:
    body = call.body

    def edit(row: ScimUser, groups: list[ScimGroup]) -> UserFacts:
        _check_version(call, user_resource(row, groups, base=base_url(), now=call.now))
        whole = _completed(body, is_active=is_active(row, call.now))
        return user_facts(User.model_validate(whole, scim_ctx=_REPLACE))

    return _edited_user(call, edit)


def _user_patch(call: Call) -> HttpResponse:
    patch = PatchOp[User].model_validate(call.body, scim_ctx=_PATCH)

    def edit(row: ScimUser, groups: list[ScimGroup]) -> UserFacts:
        found = user_resource(row, groups, base=base_url(), now=call.now)
        _check_version(call, found)
        patch.patch(found, POLICY)
        return user_facts(found)

    return _edited_user(call, edit)


def _edited_user(call: Call, edit: scim_users.Edit) -> HttpResponse:
    row = scim_users.edit_person(actor=call.actor, public_id=_id(call), edit=edit, now=call.now)
    return _one(call, _shown_users([row], call)[0])


def _user_remove(call: Call) -> HttpResponse:
    def check(row: ScimUser, groups: list[ScimGroup]) -> None:
        _check_version(call, user_resource(row, groups, base=base_url(), now=call.now))

    scim_users.remove_person(actor=call.actor, public_id=_id(call), check=check, now=call.now)
    return answer(204)


# --- Groups -----------------------------------------------------------------------------------


def _groups(call: Call) -> HttpResponse:
    text = call.query.get("filter")
    rows = groups_of(call.actor.account)
    return _page(call, Group, rows, group_condition(text) if text else None, _shown_groups)


def _shown_groups(rows: list[ScimGroup]) -> list[Group]:
    members = members_by_group(rows)
    return [group_resource(row, members[row.pk], base=base_url()) for row in rows]


def _group(call: Call) -> HttpResponse:
    row = groups_of(call.actor.account).filter(public_id=_id(call)).first()
    return _one(call, _shown_groups([row])[0]) if row else error_answer(404)


def _group_add(call: Call) -> HttpResponse:
    facts = group_facts(Group.model_validate(call.body, scim_ctx=_CREATE))
    row = scim_groups.add_group(actor=call.actor, facts=facts, now=call.now)
    return _one(call, _shown_groups([row])[0], 201)


def _group_replace(call: Call) -> HttpResponse:
    body = Group.model_validate(call.body, scim_ctx=_REPLACE)

    def edit(row: ScimGroup, members: list[UUID]) -> GroupFacts:
        _check_version(call, group_resource(row, members, base=base_url()))
        return group_facts(body)

    return _edited_group(call, edit)


def _group_patch(call: Call) -> HttpResponse:
    patch = PatchOp[Group].model_validate(call.body, scim_ctx=_PATCH)

    def edit(row: ScimGroup, members: list[UUID]) -> GroupFacts:
        found = group_resource(row, members, base=base_url())
        _check_version(call, found)
        patch.patch(found, POLICY)
        return group_facts(found)

    return _edited_group(call, edit)


def _edited_group(call: Call, edit: scim_groups.Edit) -> HttpResponse:
    row = scim_groups.edit_group(actor=call.actor, public_id=_id(call), edit=edit, now=call.now)
    return _one(call, _shown_groups([row])[0])


def _group_remove(call: Call) -> HttpResponse:
    def check(row: ScimGroup, members: list[UUID]) -> None:
        _check_version(call, group_resource(row, members, base=base_url()))

    scim_groups.remove_group(actor=call.actor, public_id=_id(call), check=check, now=call.now)
    return answer(204)


def _not_offered(call: Call) -> HttpResponse:
    return error_answer(501)


config = endpoint(get=_config)
resource_types = endpoint(get=_types)
schemas = endpoint(get=_schemas)
users = endpoint(get=_users, post=_user_add)
user = endpoint(get=_user, put=_user_replace, patch=_user_patch, delete=_user_remove)
groups = endpoint(get=_groups, post=_group_add)
group = endpoint(get=_group, put=_group_replace, patch=_group_patch, delete=_group_remove)
not_offered = endpoint(post=_not_offered, get=_not_offered)
unknown = endpoint()
