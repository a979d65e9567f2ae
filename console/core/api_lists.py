"""Page through lists of the HTTP API: ``limit`` and ``offset``, newest first, and where the next page is."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet

from console.core.api import Body, Call, Reply
from console.core.api_fields import Whole

MOST = 20
PAGE_FIELDS = (
    Whole("limit", least=1, most=MOST, description="How many to answer with.", example=MOST),
    Whole("offset", description="How many of the newest to leave out.", example=0),
)
"""What every list takes beside its own filters."""


def list_reply(call: Call, rows: QuerySet[Any], show: Callable[[Any], Body], *, path: str) -> Reply:
    """Answer with one page of the rows, which come ordered; ``path`` is the address of the list.

    Filters that the call gave are kept in the addresses of the next and the previous page.
    """
    limit = int(call.arguments.get("limit", MOST))
    offset = int(call.arguments.get("offset", 0))
    total = rows.count()
    found = list(rows[offset : offset + limit]) if offset < total else []
    meta = {
        "limit": limit,
        "offset": offset,
        "total_count": total,
        "next": _address(path, call.arguments, limit, offset + limit) if offset + limit < total else None,
        "previous": _address(path, call.arguments, limit, max(offset - limit, 0)) if offset else None,
    }
    return Reply(200, {"meta": meta, "objects": [show(row) for row in found]})


def _address(path: str, arguments: Mapping[str, Any], limit: int, offset: int) -> str:
    filters = {name: _word(value) for name, value in arguments.items() if name not in {"limit", "offset"}}
    return f"{path}?{urlencode({**filters, 'limit': limit, 'offset': offset})}"


def _word(value: Any) -> str:
    """Write an argument as the query had it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return value.isoformat()
    return ",".join(map(str, value)) if isinstance(value, list | tuple | set | frozenset) else str(value)


def object_schema(properties: Body) -> Body:
    """Describe one row of a list: all of these keys and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def list_schema(properties: Body) -> Body:
    """Describe the answer of a list whose rows have these properties."""
    number = {"type": "integer"}
    address = {"type": ["string", "null"]}
    meta = {
        "limit": number | {"description": "How many were asked for."},
        "offset": number | {"description": "How many were left out."},
        "total_count": number | {"description": "How many there are."},
        "next": address | {"description": "Path of the next page; null on the last."},
        "previous": address | {"description": "Path of the page before; null on the first."},
    }
    return {
        "properties": {
            "meta": object_schema(meta) | {"description": "Where the page stands in the list."},
            "objects": {
                "type": "array",
                "maxItems": MOST,
                "items": object_schema(properties),
                "description": "The page, newest first.",
            },
        }
    }
