"""Take reports of leaked tokens from scanners, and burn tokens for whoever found them."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.named_tokens import BurnForm
from accounts.queries.rules import network_key
from accounts.services import leaks
from console.core.access import access
from console.core.api import answer_error, read_basic, refusal
from console.core.api_fields import ApiError, Text, parse_json, read_body, read_object
from console.core.errors import DomainError, TooManyRequests
from console.core.metrics import count_refusal
from console.core.openapi import OpenOperation
from console.core.permissions import Gate
from console.core.ratelimit import count_failure
from console.core.requests import ConsoleRequest, origin_of

_KEY_HEADER, _SIGNATURE_HEADER = "GITHUB-PUBLIC-KEY-IDENTIFIER", "GITHUB-PUBLIC-KEY-SIGNATURE"
_TOKEN = Text(
    "token", 200, "The token that you found. Without it, the password of the Basic credentials counts."
)
_LABELS = ["true_positive", "false_positive"]
_ITEM = {
    "type": "object",
    "properties": {
        "token": {"type": "string", "description": "What was found."},
        "type": {"type": "string", "description": "The scanner's name for this kind of token."},
        "url": {
            "type": ["string", "null"],
            "description": "Where it is public; the customer gets to see it.",
        },
        "source": {"type": ["string", "null"], "description": "The kind of place, like content or commit."},
    },
    "required": ["token", "type"],
}
_FEEDBACK = {
    "type": "object",
    "properties": {
        "token_hash": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "SHA-256 of the token."},
        "token_type": {"type": "string", "description": "The type, as it was reported."},
        "label": {"enum": _LABELS, "description": "Whether it was ever a token of ours."},
    },
    "required": ["token_hash", "token_type", "label"],
    "additionalProperties": False,
}
_EXAMPLE = {
    "token": "pbt_0123456789abcdefghijABCDEFGHIJ012345000000",  # pragma: allowlist secret
    "type": "patchbay_auth_token",
    "url": "https://code.example/halyard/scanner/blob/main/.env",
    "source": "content",
}
_CURL = """\
curl -u "{auth_id}:$AUTH_TOKEN" \\
  -X POST \\
  -H "Content-Type: application/json" \\
  -d '{}' \\
  {base}/v1/token-burn/"""
_PYTHON = """\
import os

import requests

requests.post("{base}/v1/token-burn/", json={}, auth=("{auth_id}", os.environ["AUTH_TOKEN"]), timeout=30)
"""
_NODE = """\
const basic = Buffer.from(`{auth_id}:${process.env.AUTH_TOKEN}`).toString("base64");

await fetch("{base}/v1/token-burn/", {
  method: "POST",
  headers: { Authorization: `Basic ${basic}`, "Content-Type": "application/json" },
  body: "{}",
});
"""


def _post_only(run: Callable[[HttpRequest], HttpResponse], described: OpenOperation) -> Any:
    """Return the view of a machine's POST outside the accounts."""

    @access(Gate.MACHINE)
    @csrf_exempt
    def view(request: HttpRequest) -> HttpResponse:
        try:
            if request.method != "POST":
                raise refusal(405, headers={"Allow": "POST"})
            return run(request)
        except DomainError as error:
            return answer_error(error)

    view.described = described  # type: ignore[attr-defined]
    return view


# --- Reports of scanners ---------------------------------------------------------------------


def _scan(request: HttpRequest) -> HttpResponse:
    """Verify the signature over the bytes as they came; only then read them."""
    body, origin, now = read_body(request), origin_of(request), timezone.now()
    key_id = request.headers.get(_KEY_HEADER, "")
    signature = request.headers.get(_SIGNATURE_HEADER, "")
    try:
        scanner = leaks.check_report(key_id=key_id, signature=signature, body=body, now=now)
    except leaks.SignatureRefused as error:
        count_refusal("token-report")
        if count_failure(network_key(origin.ip)).is_over:
            raise refusal(429, headers={"Retry-After": str(settings.CONSOLE_API_FAILURE_SECONDS)}) from error
        raise ApiError(str(error), code=error.code, status=401) from error
    found = _read_found(parse_json(body))
    answers = leaks.take_report(scanner=scanner, found=found, origin=origin, now=now)
    return JsonResponse(answers, safe=False)


def _read_found(value: Any) -> list[leaks.Found]:
    if not isinstance(value, list):
        raise ApiError("the body must be a JSON array", code="not_an_array")
    if len(value) > settings.CONSOLE_TOKEN_REPORT_ITEMS:
        most = settings.CONSOLE_TOKEN_REPORT_ITEMS
        raise ApiError(f"a report may hold {most} tokens at most", code="too_many_tokens", status=413)
    return [_read_item(each) for each in value]


def _read_item(item: Any) -> leaks.Found:
    if not isinstance(item, dict):
        raise ApiError("each item must be an object", code="wrong_type")
    values: dict[str, Any] = {name: item.get(name) for name in ("token", "type", "url", "source")}
    values |= {name: "" for name in ("url", "source") if values[name] is None}
    if not all(isinstance(value, str) for value in values.values()):
        raise ApiError("token, type, url and source must be strings", code="wrong_type")
    return leaks.Found(values["token"], values["type"], values["url"], values["source"])


token_scan = _post_only(
    _scan,
    OpenOperation(
        path="/v1/token-scan/",
        name="token_scan",
        summary="Report leaked tokens",
        words="For scanners whose key the staff have entered. The signature is ECDSA on P-256 with SHA-256 over the "
        "body, DER in base64. Live tokens are revoked at once; the same report again changes nothing.",
        status=200,
        body={"type": "array", "maxItems": 1000, "items": _ITEM},
        example=[_EXAMPLE],
        answer={"type": "array", "items": _FEEDBACK},
        errors=(400, 401, 413, 429, 500, 503),
        headers={_KEY_HEADER: "The identifier of the key.", _SIGNATURE_HEADER: "The signature."},
    ),
)


# --- Burning ---------------------------------------------------------------------------------


def _burn(request: HttpRequest) -> HttpResponse:
    """Burn the token in the body, or the one that the request carries as its own."""
    given = read_object(request).get("token")
    token = _TOKEN.read(given) if given is not None else ""
    token = token or read_basic(request.META.get("HTTP_AUTHORIZATION", ""))[1]
    leaks.burn(token=token, origin=origin_of(request), now=timezone.now())
    return HttpResponse(status=204)


token_burn = _post_only(
    _burn,
    OpenOperation(
        path="/v1/token-burn/",
        name="token_burn",
        summary="Burn a token",
        words="Whoever holds a token may end it, from any address, whatever else it may do. The answer is the same "
        "for every text.",
        status=204,
        body={"type": "object", "properties": {"token": _TOKEN.schema() | {"examples": [_EXAMPLE["token"]]}}},
        example={},
        errors=(400, 413, 429, 500, 503),
        samples={"curl": _CURL, "python": _PYTHON, "javascript": _NODE},
    ),
)


@access(Gate.PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def found_token(request: ConsoleRequest) -> HttpResponse:
    """Let a person burn a token that they found; the answer is the same for every text."""
    form, wait = BurnForm(request.POST if request.method == "POST" else None), 0
    if form.is_valid():
        token = form.cleaned_data["token"].strip()
        try:
            leaks.burn(token=token, origin=origin_of(request), now=timezone.now())
        except TooManyRequests as error:
            form.add_error(None, str(error))
            wait = error.retry_after
        else:
            return redirect("accounts:found_token_thanks")
    context = {"form": form, "prefix": settings.CONSOLE_TOKEN_PREFIX}
    answer = render(request, "accounts/found_token.html", context, status=_status(form, wait))
    if wait:
        answer.headers["Retry-After"] = str(wait)
    return answer


def _status(form: BurnForm, wait: int) -> int:
    if wait:
        return 429
    return 422 if form.is_bound else 200


@access(Gate.PUBLIC)
@require_safe
def found_token_thanks(request: ConsoleRequest) -> HttpResponse:
    """Say what has happened, without saying whether it was a token."""
    return render(request, "accounts/found_token_thanks.html")
