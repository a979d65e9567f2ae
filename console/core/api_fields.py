"""Read what a caller sends to the HTTP API: JSON bodies, queries, and the fields in them.

One parser for every body (RFC 8259, with what it leaves open refused): duplicate keys, NaN and Infinity,
NUL, lone surrogates, deep nesting and more than a megabyte never reach an operation.
"""

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.request import UnreadablePostError

from console.core.errors import DomainError

_DEPTH = 20
_MOST_BYTES = 1_048_576
_BOOLEANS = {True: True, False: False, "true": True, "false": False}


class ApiError(DomainError):
    """An answer of 4xx or 5xx; ``code`` is stable, the message is for people."""

    def __init__(
        self, message: str, *, code: str, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.headers = dict(headers or {})


class Field(Protocol):
    """One argument that an operation takes; what is not declared is ignored."""

    @property
    def name(self) -> str:
        """Name the argument on the wire."""

    @property
    def required(self) -> bool:
        """Say whether the call needs it."""

    def read(self, value: Any) -> Any:
        """Return the checked value, or raise ApiError."""

    def schema(self) -> dict[str, Any]:
        """Describe the argument in JSON Schema."""


@dataclass(frozen=True, slots=True)
class Text:
    """A string; null means that it was not given."""

    name: str
    limit: int = 255
    description: str = ""
    example: str = ""
    required: bool = False
    least: int = 0

    def read(self, value: Any) -> str:
        """Return the string."""
        if not isinstance(value, str):
            raise ApiError(f"{self.name} must be a string", code="wrong_type")
        if "\x00" in value:
            raise ApiError(f"{self.name} must not hold NUL", code="bad_text")
        if not self.least <= len(value) <= self.limit:
            span = f"{self.least} to {self.limit}" if self.least else f"at most {self.limit}"
            raise ApiError(f"{self.name} must have {span} characters", code="wrong_length")
        return value

    def schema(self) -> dict[str, Any]:
        """Describe the string."""
        limits = {"maxLength": self.limit} | ({"minLength": self.least} if self.least else {})
        return {
            "type": ["string", "null"],
            **limits,
            "description": self.description,
            "examples": [self.example],
        }


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean, as JSON or as the words ``true`` and ``false``: one of the SDKs sends words."""

    name: str
    description: str = ""
    example: bool = True
    required: bool = False

    def read(self, value: Any) -> bool:
        """Return the boolean."""
        # 1 == True, so the type is asked first.
        if not isinstance(value, bool | str) or value not in _BOOLEANS:
            raise ApiError(f"{self.name} must be true or false", code="wrong_type")
        return _BOOLEANS[value]

    def schema(self) -> dict[str, Any]:
        """Describe the boolean."""
        values = [True, False, "true", "false", None]
        return {"enum": values, "description": self.description, "examples": [self.example]}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words."""

    name: str
    words: tuple[str, ...]
    description: str = ""
    example: str = ""
    required: bool = False

    def read(self, value: Any) -> str:
        """Return the word."""
        if not isinstance(value, str) or value not in self.words:
            raise ApiError(f"{self.name} must be {' or '.join(self.words)}", code="wrong_choice")
        return value

    def schema(self) -> dict[str, Any]:
        """Describe the words."""
        words = [*self.words, None]
        return {"enum": words, "description": self.description, "examples": [self.example or self.words[0]]}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number, as JSON or in digits: a query has digits alone."""

    name: str
    least: int = 0
    most: int = 2**53 - 1
    description: str = ""
    example: int = 0
    required: bool = False

    def read(self, value: Any) -> int:
        """Return the number."""
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,17}", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ApiError(f"{self.name} must be a whole number", code="wrong_type")
        if not self.least <= value <= self.most:
            raise ApiError(f"{self.name} must be from {self.least} to {self.most}", code="out_of_range")
        return value

    def schema(self) -> dict[str, Any]:
        """Describe the number."""
        return {
            "type": "integer",
            "minimum": self.least,
            "maximum": self.most,
            "description": self.description,
            "examples": [self.example],
        }


@dataclass(frozen=True, slots=True)
class Words:
    """Some of several words, joined by commas."""

    name: str
    words: tuple[str, ...]
    description: str = ""
    required: bool = False

    def read(self, value: Any) -> tuple[str, ...]:
        """Return the words, each once."""
        found = tuple(dict.fromkeys(value.split(","))) if isinstance(value, str) else ()
        if not found or not set(found) <= set(self.words):
            known = ", ".join(self.words)
            raise ApiError(f"{self.name} must be some of {known}, joined by commas", code="wrong_choice")
        return found

    def schema(self) -> dict[str, Any]:
        """Describe the words."""
        word = f"({'|'.join(self.words)})"
        return {
            "type": "string",
            "pattern": f"^{word}(,{word})*$",
            "description": self.description,
            "examples": [",".join(self.words[:2])],
        }


@dataclass(frozen=True, slots=True)
class Day:
    """A day, written as in 2026-03-05."""

    name: str
    description: str = ""
    example: str = "2026-03-05"
    required: bool = False

    def read(self, value: Any) -> date:
        """Return the day."""
        if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            with suppress(ValueError):
                return date.fromisoformat(value)
        raise ApiError(f"{self.name} must be a day such as {self.example}", code="wrong_date")

    def schema(self) -> dict[str, Any]:
        """Describe the day."""
        return {
            "type": "string",
            "format": "date",
            "description": self.description,
            "examples": [self.example],
        }


def read_arguments(request: HttpRequest, fields: Iterable[Field]) -> dict[str, Any]:
    """Return the declared arguments of the call; null and missing ones are left out.

    :raises ApiError: if the body, the query or a field is refused
    """
    fields = tuple(fields)
    given = _source(request, {field.name for field in fields})
    found = {
        field.name: field.read(given[field.name]) for field in fields if given.get(field.name) is not None
    }
    missing = [field.name for field in fields if field.required and field.name not in found]
    if missing:
        raise ApiError(f"{missing[0]} is missing", code="missing")
    return found


def _source(request: HttpRequest, names: Collection[str]) -> Mapping[str, Any]:
    """Pick the one place that arguments of the method come from; a body of GET is never read.

    One of the SDKs puts the id into each body of DELETE: a body that names no argument leaves them to the query.
    """
    if request.method == "POST":
        return read_object(request)
    if request.method == "DELETE":
        body = _body_of_delete(request)
        return read_query(request) if body.keys().isdisjoint(names) else body
    return read_query(request)


def read_query(request: HttpRequest) -> dict[str, str]:
    """Return the query; a parameter that stands there twice is refused."""
    for name, values in request.GET.lists():
        if len(values) > 1:
            raise ApiError(f"the parameter {name[:40]!a} was given more than once", code="repeated")
    return request.GET.dict()


def read_object(request: HttpRequest) -> dict[str, Any]:
    """Return the JSON object that is the body."""
    if request.content_type != "application/json" or not _is_utf8(request):
        raise ApiError("the content type must be application/json", code="content_type")
    value = parse_json(read_body(request))
    if not isinstance(value, dict):
        raise ApiError("the body must be a JSON object", code="not_an_object")
    return value


def _body_of_delete(request: HttpRequest) -> dict[str, Any]:
    body = read_body(request)
    if not body.strip() or request.content_type != "application/json":
        return {}
    value = parse_json(body)
    return value if isinstance(value, dict) else {}


def _is_utf8(request: HttpRequest) -> bool:
    charset = (request.content_params or {}).get("charset", "utf-8")
    return charset.lower() in {"utf-8", "utf8"}


def read_body(request: HttpRequest) -> bytes:
    """Return the body, at most a megabyte of it."""
    try:
        body = request.body
    except RequestDataTooBig:
        body = None
    except UnreadablePostError as error:
        raise ApiError("the body ended early", code="bad_json") from error
    if body is None or len(body) > _MOST_BYTES:
        raise ApiError("the body is too large", code="body_too_large", status=413)
    return body


def parse_json(body: bytes) -> Any:
    """Return the JSON value, read strictly.

    :raises ApiError: if two parsers could read it differently
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise ApiError("the body is not valid JSON", code="bad_json") from error
    _check_values(value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ApiError("a key stands more than once in one object", code="duplicate_key")
    return found


def _refuse_constant(word: str) -> None:
    raise ValueError(word)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _check_values(value: Any) -> None:
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > _DEPTH:
            raise ApiError("the body is nested too deeply", code="too_deep")
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, dict):
            waiting += [(part, depth + 1) for pair in item.items() for part in pair]
        elif isinstance(item, list):
            waiting += [(part, depth + 1) for part in item]


def _check_text(text: str) -> None:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ApiError("a string holds NUL or half a surrogate pair", code="bad_text")
