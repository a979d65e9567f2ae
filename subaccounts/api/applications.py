"""Serve applications over the HTTP API."""

import re
from typing import Any

from console.core.api import Call, Reply, api_route, operation, refusal, resource
from console.core.api_fields import ApiError, Choice, Field, Flag, Text
from console.core.api_lists import PAGE_FIELDS, list_reply, list_schema
from console.core.api_samples import python, voice_node
from console.core.permissions import ApiArea, Permission
from subaccounts.api.repeats import repeatable
from subaccounts.application_rules import METHODS, NAME_LIMIT, URL_LIMIT
from subaccounts.models import Application
from subaccounts.queries.scope import reachable
from subaccounts.services import applications as services

_SAMPLE_ID = "20468599130939380"
_SAMPLE_URL = "https://voice.example.com/answer"


def _url(name: str, words: str, example: str) -> Text:
    return Text(name, URL_LIMIT, words, f"https://voice.example.com/{example}")


def _method(name: str) -> Choice:
    return Choice(name, METHODS, "How the address is asked.", "POST")


_VALUES: tuple[Field, ...] = (
    _url("answer_url", "Asked what to do with a call that begins.", "answer"),
    _method("answer_method"),
    _url("hangup_url", "Told of the end of a call; empty means the answer address.", "hangup"),
    _method("hangup_method"),
    _url("fallback_answer_url", "Asked when the answer address does not answer.", "fallback"),
    _method("fallback_method"),
    _url("message_url", "Given the messages to its numbers.", "message"),
    _method("message_method"),
    Flag("default_number_app", "Whether new numbers that name no application get this one.", example=False),
    Flag("default_endpoint_app", "Whether new endpoints that name no application get it.", example=False),
    Flag("log_incoming_messages", "Whether the texts of its messages may be stored."),
    Flag("public_uri", "Whether anybody may call its SIP address.", example=False),
)
_OWNER = Text("subaccount", 20, "Auth ID of the subaccount that owns it; the main account alone names one.")
_NAME = Text("app_name", NAME_LIMIT, "Letters, digits, - and _.", "Dispatch-line", required=True, least=1)


def _text(words: str, example: str = "") -> dict[str, Any]:
    return {"type": "string", "description": words} | ({"examples": [example]} if example else {})


def _flag(words: str) -> dict[str, Any]:
    return {"type": "boolean", "description": words}


_METHOD = {"enum": [*METHODS], "description": "How the address is asked."}
APP_ID = _text("Its id: 17 digits.", _SAMPLE_ID)
_APPLICATION = {
    "answer_method": _METHOD,
    "answer_url": _text("Asked what to do with a call that begins."),
    "app_id": APP_ID,
    "app_name": _text("Its name."),
    "default_app": _flag("Whether new numbers that name no application get it."),
    "default_endpoint_app": _flag("Whether new endpoints that name no application get it."),
    "enabled": _flag("Always true."),
    "fallback_answer_url": _text("Asked when the answer address does not answer."),
    "fallback_method": _METHOD,
    "hangup_method": _METHOD,
    "hangup_url": _text("Told of the end of a call."),
    "log_incoming_messages": _flag("Whether the texts of its messages may be stored."),
    "message_method": _METHOD,
    "message_url": _text("Given the messages to its numbers."),
    "public_uri": _flag("Whether anybody may call its SIP address."),
    "resource_uri": _text("Path of the application."),
    "sip_uri": _text("Address under which phones call it."),
    "sub_account": {
        "type": ["string", "null"],
        "description": "Auth ID of its subaccount; null is the account.",
    },
}
_CHANGED = {"properties": {"message": {"const": "changed", "description": "What happened."}}}
_CREATED = {
    "properties": {"app_id": APP_ID, "message": {"const": "created", "description": "What happened."}}
}
_ACCESS: dict[str, Any] = {"area": ApiArea.APPLICATION, "right": Permission.RESOURCE_MANAGE}


def application_object(application: Application, *, caller: str) -> dict[str, Any]:
    """Return the application as the API shows it to the caller with this Auth ID."""
    owner = application.subaccount
    return {
        "answer_method": application.answer_method,
        "answer_url": application.answer_url,
        "app_id": application.app_id,
        "app_name": application.name,
        "default_app": application.default_number_app,
        "default_endpoint_app": application.default_endpoint_app,
        "enabled": True,
        "fallback_answer_url": application.fallback_answer_url,
        "fallback_method": application.fallback_method,
        "hangup_method": application.hangup_method,
        "hangup_url": application.asked_at_hangup,
        "log_incoming_messages": application.log_incoming_messages,
        "message_method": application.message_method,
        "message_url": application.message_url,
        "public_uri": application.public_uri,
        "resource_uri": application_path(application, caller=caller),
        "sip_uri": application.sip_uri,
        "sub_account": owner.auth_id if owner else None,
    }


def application_path(application: Application, *, caller: str) -> str:
    """Return the address of the application for the caller with this Auth ID."""
    return f"/v1/Account/{caller}/Application/{application.app_id}/"


@operation(
    "GET",
    summary="List applications",
    status=200,
    answer=list_schema(_APPLICATION),
    fields=(
        Text("subaccount", 20, "Those of this subaccount alone."),
        Text("app_name", NAME_LIMIT, "Those of this name alone."),
        *PAGE_FIELDS,
    ),
    samples={
        "python": python(
            "for application in client.applications:\n    print(application.app_id, application.app_name)"
        ),
        "javascript": voice_node(
            "client.applications.list({ limit: 5 }).then((found) => console.log(found));"
        ),
    },
    **_ACCESS,
)
def list_applications(call: Call) -> Reply:
    """Answer with the applications that the caller reaches, newest first."""
    caller, given = call.caller.auth_id, call.arguments
    rows = reachable(Application, call.caller.actor).select_related("subaccount").order_by("-id")
    if "subaccount" in given:
        rows = rows.filter(subaccount__auth_id=given["subaccount"])
    if "app_name" in given:
        rows = rows.filter(name=given["app_name"])
    path = f"/v1/Account/{caller}/Application/"
    return list_reply(call, rows, lambda row: application_object(row, caller=caller), path=path)


@operation(
    "POST",
    summary="Create an application",
    status=201,
    answer=_CREATED,
    fields=(_NAME, *_VALUES, _OWNER),
    samples={
        "python": python(
            'made = client.applications.create(\n    "Dispatch-line",\n'
            f'    answer_url="{_SAMPLE_URL}",\n    answer_method="POST",\n)\nprint(made.app_id)'
        ),
        "javascript": voice_node(
            'client.applications.create("Dispatch-line", {\n'
            f'  answerUrl: "{_SAMPLE_URL}",\n  answerMethod: "POST",\n'
            "}).then((made) => console.log(made.appId));",
        ),
    },
    **_ACCESS,
)
@repeatable
def create_application(call: Call) -> Reply:
    """Create an application of the caller, or of the subaccount that the main account names."""
    made = services.create_application(
        actor=call.caller.actor,
        values={"name": call.arguments["app_name"], **_values(call)},
        subaccount=call.arguments.get("subaccount", ""),
        now=call.now,
    )
    return Reply(201, {"app_id": made.app_id, "message": "created"})


def _values(call: Call) -> dict[str, Any]:
    return {name: value for name, value in call.arguments.items() if name in services.VALUES}


def _app_id(call: Call) -> str:
    """Return the id in the address; what cannot be one names nothing."""
    app_id = call.parts["app_id"]
    if not re.fullmatch(r"[0-9]{17}", app_id):
        raise refusal(404)
    return app_id


@operation(
    "GET",
    summary="Read an application",
    status=200,
    answer={"properties": _APPLICATION},
    samples={
        "python": python(f'print(client.applications.get("{_SAMPLE_ID}").answer_url)'),
        "javascript": voice_node(
            f'client.applications.get("{_SAMPLE_ID}")\n  .then((found) => console.log(found.answerUrl));',
        ),
    },
    **_ACCESS,
)
def read_application(call: Call) -> Reply:
    """Answer with the application."""
    return Reply(200, application_object(_found(call), caller=call.caller.auth_id))


def _found(call: Call) -> Application:
    rows = reachable(Application, call.caller.actor).select_related("subaccount")
    found: Application | None = rows.filter(app_id=_app_id(call)).first()
    if found is None:
        raise refusal(404)
    return found


@operation(
    "POST",
    summary="Change an application",
    status=202,
    answer=_CHANGED,
    fields=(*_VALUES, _OWNER),
    samples={
        "python": python(f'client.applications.update("{_SAMPLE_ID}", answer_url="{_SAMPLE_URL}")'),
        "javascript": voice_node(
            f'client.applications.update("{_SAMPLE_ID}", {{ answerUrl: "{_SAMPLE_URL}" }});'
        ),
    },
    **_ACCESS,
)
def change_application(call: Call) -> Reply:
    """Change what was given; null and missing fields stay, and a subaccount moves it there."""
    app_id = _found(call).app_id
    if not call.arguments:
        raise ApiError("give at least one thing to change", code="missing")
    try:
        services.change_application(
            actor=call.caller.actor,
            app_id=app_id,
            values=_values(call),
            subaccount=call.arguments.get("subaccount"),
            now=call.now,
        )
    except services.NoSuchApplication as error:
        raise refusal(404) from error
    return Reply(202, {"message": "changed"})


@operation(
    "DELETE",
    summary="Delete an application",
    status=204,
    answer={"properties": {}},
    fields=(
        Flag("cascade", "Whether its endpoints are deleted too; true when it is not said."),
        Text(
            "new_endpoint_application",
            17,
            "Gets the endpoints that stay; with cascade=false only.",
            _SAMPLE_ID,
        ),
    ),
    samples={
        "python": python(f'client.applications.delete("{_SAMPLE_ID}", cascade=False)'),
        "javascript": voice_node(f'client.applications.delete("{_SAMPLE_ID}", {{ cascade: false }});'),
    },
    **_ACCESS,
)
@repeatable
def delete_application(call: Call) -> Reply:
    """Delete the application, with its endpoints unless the call says otherwise."""
    heir, cascade = call.arguments.get("new_endpoint_application", ""), call.arguments.get("cascade", True)
    if heir and cascade:
        reason = "new_endpoint_application needs cascade=false; nothing was deleted"
        raise services.ResourceRefused(reason, field="new_endpoint_application")
    try:
        services.delete_application(
            actor=call.caller.actor, app_id=_app_id(call), cascade=cascade, new_application=heir, now=call.now
        )
    except services.NoSuchApplication as error:
        raise refusal(404) from error
    return Reply(204)


_PATH = "/v1/Account/{auth_id}/Application/"
application_list = resource(_PATH, list_applications, create_application, is_collection=True)
application = resource(_PATH + "{app_id}/", read_application, change_application, delete_application)
urlpatterns = [
    api_route(application_list, name="api_application_list"),
    api_route(application, name="api_application"),
]
