"""Serve subaccounts over the HTTP API. An Auth Token is in the answer to ``create``, and nowhere else."""

from datetime import datetime
from typing import Any

from django.conf import settings

from accounts.models import Credential
from console.core import crypto
from console.core.api import Call, Reply, api_route, operation, refusal, resource
from console.core.api_fields import Flag, Text
from console.core.api_lists import PAGE_FIELDS, list_reply, list_schema
from console.core.api_samples import node, python
from console.core.permissions import ApiArea, Permission
from subaccounts.models import Subaccount
from subaccounts.queries import subaccounts as queries
from subaccounts.services import subaccounts as services

_NAME = Text("name", 255, "What people know it by.", "Driver app", required=True, least=1)
_DATE = {"examples": ["2026-03-05"]}
_SUBACCOUNT: dict[str, Any] = {
    "account": {"type": "string", "description": "Path of the account it belongs to."},
    "auth_id": {"type": "string", "description": "Its Auth ID; it never changes."},
    "auth_token": {
        "type": "string",
        "description": "Its older live Auth Token, masked but for four characters.",
    },
    "created": {"type": "string", "description": "The day it was made."} | _DATE,
    "enabled": {"type": "boolean", "description": "Whether its credentials may call."},
    "modified": {"type": ["string", "null"], "description": "The day of its last change; null before one."}
    | _DATE,
    "name": {"type": "string", "description": "What people know it by."},
    "new_auth_token": {"type": "string", "description": "Its newer live Auth Token, masked alike."},
    "resource_uri": {"type": "string", "description": "Path of the subaccount."},
}
_CHANGED = {"properties": {"message": {"const": "changed", "description": "What happened."}}}
_CREATED = {
    "properties": {
        "auth_id": _SUBACCOUNT["auth_id"],
        "auth_token": {
            "type": "string",
            "description": "Its Auth Token. No other answer holds it: store it now.",
        },
        "message": {"const": "created", "description": "What happened."},
    }
}
_SHARED: dict[str, Any] = {"main_only": True, "area": ApiArea.SUBACCOUNT}
_READ = _SHARED | {"right": Permission.SUBACCOUNT_VIEW}
_WRITE = _SHARED | {"right": Permission.SUBACCOUNT_MANAGE}
_ID = '"{subaccount_id}"'


def subaccount_object(subaccount: Subaccount, *, owner: str, now: datetime) -> dict[str, Any]:
    """Return the subaccount as the API shows it; ``owner`` is the Auth ID of its account."""
    tokens = queries.live_tokens(subaccount, now=now)
    return {
        "account": f"/v1/Account/{owner}/",
        "auth_id": subaccount.auth_id,
        "auth_token": _mask(tokens[:1]),
        "created": subaccount.created_at.date().isoformat(),
        "enabled": subaccount.identity.is_enabled,
        "modified": subaccount.modified_at.date().isoformat() if subaccount.modified_at else None,
        "name": subaccount.name,
        "new_auth_token": _mask(tokens[-1:]),
        "resource_uri": f"/v1/Account/{owner}/Subaccount/{subaccount.auth_id}/",
    }


def _mask(tokens: list[Credential]) -> str:
    """Return as many characters as the token has, the last four its own; nothing when there is none."""
    length = crypto.token_length(settings.CONSOLE_TOKEN_PREFIX)
    return "".join(token.last_four.rjust(length, "*") for token in tokens)


@operation(
    "GET",
    summary="List subaccounts",
    status=200,
    answer=list_schema(_SUBACCOUNT),
    fields=PAGE_FIELDS,
    samples={
        "python": python(
            "for subaccount in client.subaccounts:\n    print(subaccount.auth_id, subaccount.name)"
        ),
        "javascript": node("client.subaccounts.list({ limit: 5 }).then((found) => console.log(found));"),
    },
    **_READ,
)
def list_subaccounts(call: Call) -> Reply:
    """Answer with the subaccounts that are not deleted, newest first."""
    owner = call.caller.auth_id
    rows = queries.with_tokens(queries.live_subaccounts(call.caller.account)).order_by("-id")
    return list_reply(
        call,
        rows,
        lambda row: subaccount_object(row, owner=owner, now=call.now),
        path=f"/v1/Account/{owner}/Subaccount/",
    )


@operation(
    "POST",
    summary="Create a subaccount",
    status=201,
    answer=_CREATED,
    fields=(_NAME, Flag("enabled", "Whether its credentials may call; false when it is not said.")),
    samples={
        "python": python(
            'made = client.subaccounts.create("Driver app", True)\nprint(made.auth_id, made.auth_token)'
        ),
        "javascript": node(
            'client.subaccounts.create("Driver app", true)\n'
            "  .then((made) => console.log(made.authId, made.authToken));"
        ),
    },
    **_WRITE,
)
def create_subaccount(call: Call) -> Reply:
    """Create a subaccount, and answer with its Auth Token this once."""
    given = call.arguments
    made = services.create_subaccount(
        actor=call.caller.actor,
        name=given["name"],
        is_enabled=given.get("enabled", False),
        now=call.now,
    )
    facts = {"auth_id": made.subaccount.auth_id, "auth_token": made.token, "message": "created"}
    return Reply(201, facts)


def _found(call: Call) -> Subaccount:
    rows = queries.with_tokens(queries.live_subaccounts(call.caller.account))
    found = queries.find_subaccount(call.caller.account, call.parts["subaccount_id"], rows)
    if found is None:
        raise refusal(404)
    return found


@operation(
    "GET",
    summary="Read a subaccount",
    status=200,
    answer={"properties": _SUBACCOUNT},
    samples={
        "python": python(f"print(client.subaccounts.get({_ID}).name)"),
        "javascript": node(f"client.subaccounts.get({_ID}).then((found) => console.log(found.name));"),
    },
    **_READ,
)
def read_subaccount(call: Call) -> Reply:
    """Answer with the subaccount."""
    return Reply(200, subaccount_object(_found(call), owner=call.caller.auth_id, now=call.now))


@operation(
    "POST",
    summary="Change a subaccount",
    status=202,
    answer=_CHANGED,
    fields=(_NAME, Flag("enabled", "Whether its credentials may call; unchanged when it is not said.")),
    samples={
        "python": python(f'client.subaccounts.update({_ID}, "Driver app", True)'),
        "javascript": node(f'client.subaccounts.update({_ID}, "Driver app", true);'),
    },
    **_WRITE,
)
def change_subaccount(call: Call) -> Reply:
    """Rename the subaccount, and enable or disable it if that is said."""
    try:
        services.change_subaccount(
            actor=call.caller.actor,
            auth_id=_found(call).auth_id,
            name=call.arguments["name"],
            is_enabled=call.arguments.get("enabled"),
            now=call.now,
        )
    except services.NoSuchSubaccount as error:
        raise refusal(404) from error
    return Reply(202, {"message": "changed"})


@operation(
    "DELETE",
    summary="Delete a subaccount",
    status=204,
    answer={"properties": {}},
    fields=(
        Flag(
            "cascade",
            "True deletes its applications, endpoints and numbers; false, the default, moves them to the main account.",
            example=False,
        ),
    ),
    samples={
        "python": python(f"client.subaccounts.delete({_ID}, cascade=False)"),
        "javascript": node(f"client.subaccounts.delete({_ID}, false);"),
    },
    **_WRITE,
)
def delete_subaccount(call: Call) -> Reply:
    """Delete the subaccount; its credentials stop at once."""
    services.delete_subaccount(
        actor=call.caller.actor,
        auth_id=_found(call).auth_id,
        is_cascading=call.arguments.get("cascade", False),
        now=call.now,
    )
    return Reply(204)


subaccount_list = resource(
    "/v1/Account/{auth_id}/Subaccount/", list_subaccounts, create_subaccount, is_collection=True
)
subaccount = resource(
    "/v1/Account/{auth_id}/Subaccount/{subaccount_id}/", read_subaccount, change_subaccount, delete_subaccount
)
urlpatterns = [
    api_route(subaccount_list, name="api_subaccount_list"),
    api_route(subaccount, name="api_subaccount"),
]
