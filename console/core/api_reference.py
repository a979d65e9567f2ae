"""Show the OpenAPI document on a page: resources with their operations, arguments, answers and examples."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from console.core.openapi import build_document

Json = dict[str, Any]
_CAPTIONS = {
    "GET": "Query",
    "POST": "Body, a JSON object",
    "DELETE": "Body, a JSON object, or query",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One argument, key of an answer, or status, as a line of a table."""

    name: str
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """One operation as the page shows it; ``caption`` says where its arguments go."""

    slug: str
    tag: str
    title: str
    method: str
    path: str
    caption: str
    arguments: list[Row]
    answer_status: str
    answer: list[Row]
    errors: list[Row]
    samples: list[Json]


def chapters(values: dict[str, str]) -> list[Chapter]:
    """Return the operations of the document, with the reader's values in the examples."""
    paths = build_document()["paths"]
    return [
        _chapter(path, method, found, values)
        for path, item in paths.items()
        for method, found in item.items()
        if method != "parameters" and "x-codeSamples" in found
    ]


def sections(found: Iterable[Chapter]) -> dict[str, list[Chapter]]:
    """Return the operations by resource, in the order in which the resources come."""
    grouped: dict[str, list[Chapter]] = {}
    for chapter in found:
        grouped.setdefault(chapter.tag, []).append(chapter)
    return grouped


def _chapter(path: str, method: str, found: Json, values: dict[str, str]) -> Chapter:
    answers = found["responses"]
    status = next(each for each in answers if each.startswith("2"))
    content = answers[status].get("content", {}).get("application/json", {})
    errors = [Row(each, "", answer["description"]) for each, answer in answers.items() if each != status]
    samples = [{**sample, "source": _filled(sample["source"], values)} for sample in found["x-codeSamples"]]
    return Chapter(
        slug=found["operationId"].replace("_", "-"),
        tag=found["tags"][0],
        title=found["summary"],
        method=method.upper(),
        path=path,
        caption=_CAPTIONS[method.upper()],
        arguments=_arguments(found),
        answer_status=status,
        answer=_rows(content.get("schema", {}).get("properties", {})),
        errors=errors,
        samples=samples,
    )


def _arguments(found: Json) -> list[Row]:
    body = found.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    query = {each["name"]: each["schema"] for each in found.get("parameters", [])}
    needed = {each["name"] for each in found.get("parameters", []) if each["required"]}
    return _rows(query | body.get("properties", {}), needed | set(body.get("required", [])))


def _rows(properties: Json, needed: Iterable[str] = ()) -> list[Row]:
    return [
        Row(name, _kind(schema) + (", required" if name in needed else ""), _words(schema))
        for name, schema in properties.items()
    ]


def _kind(schema: Json) -> str:
    if "const" in schema or "enum" in schema:
        values = [value for value in schema.get("enum", [schema.get("const")]) if value is not None]
        return "boolean" if True in values else " or ".join(f'"{value}"' for value in values)
    kind = schema["type"]
    return kind if isinstance(kind, str) else str(kind[0])


def _words(schema: Json) -> str:
    parts = [schema.get("description", "")]
    if "maxLength" in schema:
        parts.append(f"At most {schema['maxLength']} characters.")
    if any(each != "" for each in schema.get("examples", [])):
        example = schema["examples"][0]
        parts.append(f"Example: {str(example).lower() if isinstance(example, bool) else example}")
    return " ".join(filter(None, parts))


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text
