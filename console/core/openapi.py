"""Describe the HTTP API in OpenAPI 3.1, from the declarations of its operations."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from console.core.access import access
from console.core.api import ERRORS, Operation, Resource
from console.core.api_fields import Field
from console.core.permissions import Gate
from console.core.routes import AUTH_ID, iter_routes

Json = dict[str, Any]
_API_ID = {"type": "string", "format": "uuid", "description": "New in every answer; name it to support."}
_RULES = (
    "Every request carries HTTP Basic credentials over https: the Auth ID as user name, an Auth Token as password.",
    "Every path ends in a slash. Other paths answer 404, other methods 405 with the header Allow.",
    "A body is one JSON object, with the content type application/json. Keys that are not declared are ignored.",
    "Every answer is a JSON object with an api_id. Errors carry error, a sentence, and code, a word that stays.",
    "An account may send {requests} requests in {seconds} seconds, its subaccounts included.",
    "The headers of each answer say how many requests are left.",
)
_MEANINGS = {
    400: "An argument is missing or refused; nothing was changed.",
    401: "The Auth ID or Auth Token is wrong, ended, or not the one in the path.",
    403: "These credentials may not do this, or (ip_not_allowed) the IP allowlist does not hold the address.",
    404: "There is no such thing in this account.",
    413: "The body is too large.",
    429: "The limit is reached; wait as long as Retry-After says.",
    500: "The server failed. The api_id leads support to the cause.",
    503: "A part that the call needs is away; nothing was done.",
}
_SAMPLE_IDS = {
    "app_id": "20468599130939380",
    "endpoint_id": "32866729519064",
    "number": "18135401302",
    "subaccount_id": "SAKQ7MZT0XW4RB92JYHD",
}
"""Ids for examples, by their names in addresses."""

_LIMIT_HEADERS = {
    "X-RateLimit-Limit": "Requests allowed in a window.",
    "X-RateLimit-Remaining": "Requests left in this window.",
    "X-RateLimit-Reset": "Seconds until the window ends.",
}


@access(Gate.PUBLIC)
@require_safe
def document(request: HttpRequest) -> HttpResponse:
    """Answer with the OpenAPI document."""
    return JsonResponse(build_document(), json_dumps_params={"indent": 1})


@cache
def build_document() -> Json:
    """Return the OpenAPI document of every resource that is mounted."""
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{settings.SITE_NAME} API", "version": "1", "description": "\n\n".join(rules())},
        "servers": [{"url": settings.BASE_URL}],
        "security": [{"basic": []}],
        "paths": {each.path: _path_item(each) for each in resources()} | _open_paths(),
        "components": {
            "securitySchemes": {
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "User name: Auth ID. Password: Auth Token.",
                }
            },
            "schemas": {"Error": _error_schema()},
        },
    }


@dataclass(frozen=True, slots=True)
class OpenOperation:
    """A POST that asks for no Auth ID: what it takes and answers, in the words of OpenAPI.

    ``headers`` are names with what they hold; ``samples`` put it on the page of the reference.
    """

    path: str
    name: str
    summary: str
    words: str
    status: int
    body: Json
    example: Any
    errors: tuple[int, ...]
    answer: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    samples: Mapping[str, str] = field(default_factory=dict)


def _open_paths() -> Json:
    views = (getattr(route.view, "described", None) for route in iter_routes())
    return {each.path: _open_item(each) for each in views if isinstance(each, OpenOperation)}


def _open_item(found: OpenOperation) -> Json:
    success: Json = {"description": "Done."}
    if found.answer:
        success["content"] = {"application/json": {"schema": found.answer}}
    errors = {str(status): _error_response(status, is_list=False) for status in found.errors}
    errors.get("401", {}).pop("headers", None)
    described: Json = {
        "operationId": found.name,
        "summary": found.summary,
        "tags": [tag_of(found.path)],
        "description": found.words,
        "security": [],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": found.body, "example": found.example}},
        },
        "responses": {str(found.status): success, **errors},
    }
    if found.samples:
        described["x-codeSamples"] = _labelled(found.samples)
    parameters = [_header_parameter(name, words) for name, words in found.headers.items()]
    return {"parameters": parameters, "post": described}


def _header_parameter(name: str, words: str) -> Json:
    schema = {"type": "string", "maxLength": 200}
    return {"name": name, "in": "header", "required": True, "schema": schema, "description": words}


def resources() -> Iterator[Resource]:
    """Yield the resources of the API in the order of their addresses."""
    for route in iter_routes():
        declared = getattr(route.view, "resource", None)
        if isinstance(declared, Resource):
            yield declared


def rules() -> list[str]:
    """Return the rules for every request, one sentence or two each."""
    numbers = {"requests": settings.CONSOLE_API_REQUESTS, "seconds": settings.CONSOLE_API_WINDOW_SECONDS}
    return [rule.format(**numbers) for rule in _RULES]


def _path_item(declared: Resource) -> Json:
    names = re.findall(r"\{(\w+)\}", declared.path)
    methods = {method.lower(): _operation(found, declared) for method, found in declared.operations.items()}
    return {"parameters": [_path_parameter(name) for name in names], **methods}


def _path_parameter(name: str) -> Json:
    schema: Json = {"type": "string"} | ({"examples": [_SAMPLE_IDS[name]]} if name in _SAMPLE_IDS else {})
    words = "Public id."
    if name == "auth_id":
        schema = {"type": "string", "pattern": f"^{AUTH_ID}$"}
        words = "The Auth ID of the credentials."
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": words}


def _operation(found: Operation, declared: Resource) -> Json:
    described: Json = {
        "operationId": found.name,
        "summary": found.summary,
        "tags": [tag_of(declared.path)],
        "responses": _responses(found, declared),
        "x-codeSamples": _samples(found, declared),
    }
    if found.method == "POST":
        schema = _arguments_schema(found)
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": example_of(found)}},
        }
    elif found.fields:
        described["parameters"] = [
            {"name": each.name, "in": "query", "required": each.required, "schema": each.schema()}
            for each in found.fields
        ]
    return described


def tag_of(path: str) -> str:
    """Return the resource that an address belongs to, as the SDKs name it."""
    parts = [part for part in path.split("/") if part and not part.startswith("{")]
    return parts[-1] if parts[:2] == ["v1", "Account"] else "Tokens"


def _arguments_schema(found: Operation) -> Json:
    required = [each.name for each in found.fields if each.required]
    schema: Json = {"type": "object", "properties": {each.name: each.schema() for each in found.fields}}
    return schema | ({"required": required} if required else {})


def example_of(found: Operation) -> Json:
    """Return a body that the operation accepts."""
    return {each.name: each.schema()["examples"][0] for each in found.fields}


def _responses(found: Operation, declared: Resource) -> Json:
    success = {"description": "Done.", "headers": _headers(_LIMIT_HEADERS)}
    if found.status != 204:  # noqa: PLR2004 - no content
        success["content"] = {"application/json": {"schema": _with_api_id(found.answer)}}
    is_list = declared.is_collection and found.method == "GET"
    errors = {str(status): _error_response(status, is_list=is_list) for status in _statuses(found, declared)}
    return {str(found.status): success, **errors}


def _statuses(found: Operation, declared: Resource) -> Iterator[int]:
    # Any call may come from an address that the IP allowlist refuses.
    yield from (400, 401, 403)
    if declared.path.count("{") > 1 or found.may_miss:
        yield 404
    if found.method in {"POST", "DELETE"}:
        yield 413
    yield from (429, 500, 503)


def _with_api_id(schema: Json) -> Json:
    properties = {"api_id": _API_ID, **schema["properties"]}
    return {**schema, "type": "object", "properties": properties, "required": list(properties)} | {
        "additionalProperties": False
    }


def _error_schema() -> Json:
    texts = {"error": "A sentence for people.", "code": "A word for programs; it stays the same."}
    properties = {
        "api_id": _API_ID,
        **{name: {"type": "string", "description": words} for name, words in texts.items()},
        "objects": {"type": "array", "maxItems": 0, "description": "Empty; on list calls only."},
    }
    return {
        "type": "object",
        "properties": properties,
        "required": ["api_id", "error", "code"],
        "additionalProperties": False,
    }


def _error_response(status: int, *, is_list: bool) -> Json:
    code, text = ERRORS[status]
    example = {"api_id": "0b6c3a52-6f5e-4b0a-9d52-3c1f0c7a7c11", "error": text, "code": code}
    content: Json = {
        "schema": {"$ref": "#/components/schemas/Error"},
        "example": example | ({"objects": []} if is_list else {}),
    }
    if status == 403:  # noqa: PLR2004 - forbidden
        content["example"] |= {"error": "this address may not call the API", "code": "ip_not_allowed"}
    answer: Json = {"description": _MEANINGS[status], "content": {"application/json": content}}
    if status == 401:  # noqa: PLR2004 - unauthorized
        answer["headers"] = _headers({"WWW-Authenticate": "Basic, with the realm."}, kind="string")
    if status == 429:  # noqa: PLR2004 - too many requests
        answer["headers"] = _headers({"Retry-After": "Seconds to wait."})
    return answer


def _headers(meanings: dict[str, str], kind: str = "integer") -> Json:
    return {
        name: {"description": words, "required": True, "schema": {"type": kind}}
        for name, words in meanings.items()
    }


def _samples(found: Operation, declared: Resource) -> list[Json]:
    return _labelled({"curl": _curl(found, declared), **found.samples})


def _labelled(samples: Mapping[str, str]) -> list[Json]:
    names = {"curl": "curl", "python": "Python", "javascript": "Node"}
    return [{"lang": lang, "label": names[lang], "source": _with_ids(text)} for lang, text in samples.items()]


def _with_ids(text: str) -> str:
    """Put ids that look like real ones in the places of their names."""
    for name, value in _SAMPLE_IDS.items():
        text = text.replace("{" + name + "}", value)
    return text


def _curl(found: Operation, declared: Resource) -> str:
    lines = ['curl -u "{auth_id}:$AUTH_TOKEN"']
    if found.method != "GET":
        lines[0] += f" -X {found.method}"
    if found.method == "POST":
        lines.append('-H "Content-Type: application/json"')
        lines.append(f"-d '{JsonResponse(example_of(found)).content.decode()}'")
    lines.append(f'"{{base}}{_sample_path(found, declared)}"')
    return " \\\n  ".join(lines)


def _sample_path(found: Operation, declared: Resource) -> str:
    """Return the address with ids that look like real ones, and what the query must have."""
    needed = [each for each in found.fields if each.required and found.method == "GET"]
    return declared.path + "".join(
        f"{'&' if n else '?'}{each.name}={_example(each)}" for n, each in enumerate(needed)
    )


def _example(field: Field) -> Any:
    return field.schema()["examples"][0]
