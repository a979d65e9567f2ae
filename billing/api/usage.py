"""Take usage in from the provider's own platform, with a key of its own."""

import hmac
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from billing.services.intake import Intake, take_usage
from console.core.access import access
from console.core.api import answer_error, json_reply, refusal
from console.core.api_fields import ApiError, read_object
from console.core.errors import DomainError
from console.core.metrics import count_refusal
from console.core.permissions import Gate
from subaccounts.services.usage import MOST_EVENTS

_SCHEME = "bearer"


@access(Gate.MACHINE)
@csrf_exempt
def usage_intake(request: HttpRequest) -> HttpResponse:
    """Take a batch of up to 1,000 events, and say of each that was refused why."""
    try:
        _check_key(request)
        if request.method != "POST":
            raise refusal(405, headers={"Allow": "POST"})
        return json_reply(200, _answer(take_usage(events=_events(request), now=timezone.now())))
    except DomainError as error:
        return answer_error(error)


def _check_key(request: HttpRequest) -> None:
    """Refuse whoever has no usage key; without one in the settings that is everybody (RFC 6750)."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    wanted = str(settings.USAGE_KEY)
    is_same = hmac.compare_digest(given.strip().encode(), wanted.encode())
    if not wanted or scheme.lower() != _SCHEME or not is_same:
        count_refusal("usage-key")
        raise refusal(401, headers={"WWW-Authenticate": 'Bearer realm="usage"'})


def _events(request: HttpRequest) -> list[Any]:
    events = read_object(request).get("events")
    if not isinstance(events, list):
        raise ApiError("events must be an array", code="wrong_type")
    if len(events) > MOST_EVENTS:
        raise ApiError(f"a batch may hold {MOST_EVENTS} events at most", code="too_many_events", status=413)
    return events


def _answer(intake: Intake) -> dict[str, Any]:
    return {
        "accepted": intake.accepted,
        "duplicates": intake.duplicates,
        "amount": f"{intake.amount:.5f}",
        "refused": [
            {"index": each.index, "id": each.event_id, "code": each.code, "error": each.error}
            for each in intake.refused
        ],
        "stopped": [{"auth_id": name, "code": code} for name, code in sorted(intake.stopped.items())],
    }


urlpatterns = [path("internal/usage/", usage_intake, name="usage_intake")]
