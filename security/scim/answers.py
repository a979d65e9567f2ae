"""Give SCIM answers their shape: the media type, entity tags, and errors (RFC 7644, 3.12)."""

import json
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from scim2_models import Error

MEDIA_TYPE = "application/scim+json"
TEXTS = {
    401: "authentication failed",
    404: "not found",
    405: "method not allowed",
    413: "the body is too large",
    429: "too many requests",
    500: "server error",
    501: "not implemented",
    503: "unavailable, nothing was done",
}


def answer(status: int, body: dict[str, Any] | None = None, **headers: str) -> HttpResponse:
    """Return an answer with the body, or with none; names of headers are written with underscores."""
    text = "" if body is None else json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(text, status=status, content_type=MEDIA_TYPE, headers=named)


def error_answer(status: int, detail: str = "", *, scim_type: str = "", **headers: str) -> HttpResponse:
    """Return an error as SCIM writes it."""
    error = Error(status=status, scim_type=scim_type or None, detail=detail or TEXTS.get(status, "refused"))
    if status == 401:  # noqa: PLR2004 - who calls is not known
        headers["WWW_Authenticate"] = f'Bearer realm="{settings.SITE_NAME} SCIM"'
    return answer(status, error.model_dump(), **headers)
