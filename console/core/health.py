"""Say whether the console lives and is ready, and take reports of policy violations."""

import json
import logging
from datetime import timedelta

import redis
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from console.core import ratelimit
from console.core.access import access
from console.core.errors import TooManyRequests
from console.core.models import Heartbeat
from console.core.permissions import Gate
from console.core.ratelimit import Limit, valkey
from console.core.requests import origin_of

_STALE = timedelta(seconds=60)
_REPORTS = Limit("csp-report", count=20, seconds=60)
_REPORT_BYTES = 8192
_log = logging.getLogger("console.csp")


@access(Gate.PUBLIC)
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Answer that the process serves requests."""
    return JsonResponse({"status": "up"})


@access(Gate.PUBLIC)
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer up or down for each part that work needs, without details."""
    parts = {"database": _database(), "valkey": _valkey()}
    parts |= {name: parts["database"] and _is_fresh(name) for name in ("worker", "beat")}
    is_up = all(parts.values())
    body = {
        "status": "up" if is_up else "down",
        **{name: "up" if ok else "down" for name, ok in parts.items()},
    }
    return JsonResponse(body, status=200 if is_up else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return False
    return True


def _valkey() -> bool:
    try:
        return bool(valkey().ping())
    except redis.RedisError:
        return False


def _is_fresh(name: str) -> bool:
    return Heartbeat.objects.filter(name=name, at__gt=timezone.now() - _STALE).exists()


@access(Gate.PUBLIC)
@csrf_exempt
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """Log a violation of the content security policy, a few a minute for each address."""
    try:
        ratelimit.spend(_REPORTS, origin_of(request).ip or "unknown", now=timezone.now())
        report = json.loads(request.body[:_REPORT_BYTES])["csp-report"]
        _log.warning(
            "csp violation",
            extra={key: str(report.get(name, ""))[:200] for key, name in _FIELDS.items()},
        )
    except (TooManyRequests, ValueError, KeyError, TypeError, AttributeError):
        return HttpResponse(status=204)
    return HttpResponse(status=204)


_FIELDS = {"document": "document-uri", "directive": "effective-directive", "blocked": "blocked-uri"}
