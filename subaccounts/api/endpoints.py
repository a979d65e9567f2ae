"""Serve endpoints, the phones of applications, over the HTTP API."""

import re
from typing import Any

from console.core.api import Call, Reply, api_route, operation, refusal, resource
from console.core.api_fields import ApiError, Text
from console.core.api_lists import PAGE_FIELDS, list_reply, list_schema
from console.core.api_samples import python, voice_node
from console.core.permissions import ApiArea, Permission
from subaccounts.api.applications import application_path
from subaccounts.api.repeats import repeatable
from subaccounts.application_rules import NAME_LIMIT, PASSWORD_LEAST, PASSWORD_LIMIT, USERNAME_LIMIT
from subaccounts.models import Endpoint
from subaccounts.queries.scope import reachable
from subaccounts.services import endpoints as services

_SAMPLE_ID = "32866729519064"
_USERNAME = Text(
    "username",
    USERNAME_LIMIT,
    "Letters and digits; begins with a letter. The server appends 12 digits.",
    "gatehouse",
    required=True,
    least=1,
)
_PASSWORD_WORDS = "What the phone registers with. No answer holds it."  # noqa: S105 - words about it
_SAMPLE_PASSWORD = "WT6R0KQ2ZJ4MX9BN8H1V"  # noqa: S105  # pragma: allowlist secret
_ALIAS_WORDS = "Letters, digits, - and _."
_APP = Text(
    "app_id",
    17,
    "Application that its calls go to. A new endpoint gets the default one.",
    "20468599130939380",
)


def _password(*, required: bool) -> Text:
    return Text(
        "password", PASSWORD_LIMIT, _PASSWORD_WORDS, _SAMPLE_PASSWORD, required=required, least=PASSWORD_LEAST
    )


def _alias(*, required: bool) -> Text:
    return Text("alias", NAME_LIMIT, _ALIAS_WORDS, "Gatehouse-Rotterdam", required=required, least=1)


def _text(words: str) -> dict[str, Any]:
    return {"type": "string", "description": words}


def _maybe(words: str) -> dict[str, Any]:
    return {"type": ["string", "null"], "description": words}


_ENDPOINT = {
    "alias": _text("What people know it by."),
    "application": _maybe("Path of its application; null is none."),
    "endpoint_id": _text("Its id: 14 digits."),
    "resource_uri": _text("Path of the endpoint."),
    "sip_registered": {"enum": ["true", "false"], "description": "Whether a phone is registered, as a word."},
    "sip_uri": _text("Address under which it is called."),
    "sub_account": _maybe("Auth ID of its subaccount; null is the account."),
    "username": _text("What the phone registers as."),
}
_CHANGED = {"properties": {"message": {"const": "changed", "description": "What happened."}}}
_CREATED = {
    "properties": {
        "alias": _ENDPOINT["alias"],
        "endpoint_id": _ENDPOINT["endpoint_id"],
        "message": {"const": "created", "description": "What happened."},
        "username": _ENDPOINT["username"],
    }
}
_ACCESS: dict[str, Any] = {"area": ApiArea.ENDPOINT, "right": Permission.RESOURCE_MANAGE}


def endpoint_object(endpoint: Endpoint, *, caller: str) -> dict[str, Any]:
    """Return the endpoint as the API shows it to the caller with this Auth ID; no phone registers with us."""
    application, owner = endpoint.application, endpoint.subaccount
    return {
        "alias": endpoint.alias,
        "application": application_path(application, caller=caller) if application else None,
        "endpoint_id": endpoint.endpoint_id,
        "resource_uri": f"/v1/Account/{caller}/Endpoint/{endpoint.endpoint_id}/",
        "sip_registered": "false",
        "sip_uri": endpoint.sip_uri,
        "sub_account": owner.auth_id if owner else None,
        "username": endpoint.username,
    }


def _rows(call: Call) -> Any:
    return reachable(Endpoint, call.caller.actor).select_related("application", "subaccount")


@operation(
    "GET",
    summary="List endpoints",
    status=200,
    answer=list_schema(_ENDPOINT),
    fields=(Text("subaccount", 20, "Those of this subaccount alone."), *PAGE_FIELDS),
    samples={
        "python": python("for endpoint in client.endpoints:\n    print(endpoint.username, endpoint.alias)"),
        "javascript": voice_node("client.endpoints.list({ limit: 5 }).then((found) => console.log(found));"),
    },
    **_ACCESS,
)
def list_endpoints(call: Call) -> Reply:
    """Answer with the endpoints that the caller reaches, newest first."""
    caller, rows = call.caller.auth_id, _rows(call).order_by("-id")
    if "subaccount" in call.arguments:
        rows = rows.filter(subaccount__auth_id=call.arguments["subaccount"])
    path = f"/v1/Account/{caller}/Endpoint/"
    return list_reply(call, rows, lambda row: endpoint_object(row, caller=caller), path=path)


@operation(
    "POST",
    summary="Create an endpoint",
    status=201,
    answer=_CREATED,
    fields=(_USERNAME, _password(required=True), _alias(required=True), _APP),
    samples={
        "python": python(
            'made = client.endpoints.create("gatehouse", "a password for the phone", "Gatehouse-Rotterdam")\n'
            "print(made.endpoint_id, made.username)"
        ),
        "javascript": voice_node(
            'client.endpoints.create("gatehouse", "a password for the phone", "Gatehouse-Rotterdam")\n'
            "  .then((made) => console.log(made.endpointId, made.username));",
        ),
    },
    **_ACCESS,
)
@repeatable
def create_endpoint(call: Call) -> Reply:
    """Create an endpoint; it belongs where its application belongs."""
    made = services.create_endpoint(actor=call.caller.actor, now=call.now, **call.arguments).endpoint
    facts = {"alias": made.alias, "endpoint_id": made.endpoint_id, "username": made.username}
    return Reply(201, {**facts, "message": "created"})


def _endpoint_id(call: Call) -> str:
    """Return the id in the address; what cannot be one names nothing."""
    endpoint_id = call.parts["endpoint_id"]
    if not re.fullmatch(r"[0-9]{14}", endpoint_id):
        raise refusal(404)
    return endpoint_id


@operation(
    "GET",
    summary="Read an endpoint",
    status=200,
    answer={"properties": _ENDPOINT},
    samples={
        "python": python(f'print(client.endpoints.get("{_SAMPLE_ID}").sip_uri)'),
        "javascript": voice_node(
            f'client.endpoints.get("{_SAMPLE_ID}").then((found) => console.log(found.sipUri));'
        ),
    },
    **_ACCESS,
)
def read_endpoint(call: Call) -> Reply:
    """Answer with the endpoint."""
    return Reply(200, endpoint_object(_found(call), caller=call.caller.auth_id))


def _found(call: Call) -> Endpoint:
    found: Endpoint | None = _rows(call).filter(endpoint_id=_endpoint_id(call)).first()
    if found is None:
        raise refusal(404)
    return found


@operation(
    "POST",
    summary="Change an endpoint",
    status=202,
    answer=_CHANGED,
    fields=(_password(required=False), _alias(required=False), _APP),
    samples={
        "python": python(f'client.endpoints.update("{_SAMPLE_ID}", alias="Gatehouse-Delft")'),
        "javascript": voice_node(f'client.endpoints.update("{_SAMPLE_ID}", {{ alias: "Gatehouse-Delft" }});'),
    },
    **_ACCESS,
)
def change_endpoint(call: Call) -> Reply:
    """Change what was given; null and missing fields stay."""
    endpoint_id = _found(call).endpoint_id
    if not call.arguments:
        raise ApiError("give at least one of password, alias, app_id", code="missing")
    try:
        services.change_endpoint(
            actor=call.caller.actor, endpoint_id=endpoint_id, now=call.now, **call.arguments
        )
    except services.NoSuchEndpoint as error:
        raise refusal(404) from error
    return Reply(202, {"message": "changed"})


@operation(
    "DELETE",
    summary="Delete an endpoint",
    status=204,
    answer={"properties": {}},
    samples={
        "python": python(f'client.endpoints.delete("{_SAMPLE_ID}")'),
        "javascript": voice_node(f'client.endpoints.delete("{_SAMPLE_ID}");'),
    },
    **_ACCESS,
)
@repeatable
def delete_endpoint(call: Call) -> Reply:
    """Delete the endpoint."""
    try:
        services.delete_endpoint(actor=call.caller.actor, endpoint_id=_endpoint_id(call))
    except services.NoSuchEndpoint as error:
        raise refusal(404) from error
    return Reply(204)


_PATH = "/v1/Account/{auth_id}/Endpoint/"
endpoint_list = resource(_PATH, list_endpoints, create_endpoint, is_collection=True)
endpoint = resource(_PATH + "{endpoint_id}/", read_endpoint, change_endpoint, delete_endpoint)
urlpatterns = [
    api_route(endpoint_list, name="api_endpoint_list"),
    api_route(endpoint, name="api_endpoint"),
]
