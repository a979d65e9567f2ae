"""Measure requests and queues for Prometheus, on an internal port."""

import hmac
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from console.core.models import Delivery, Heartbeat, OutgoingMail, OutgoingText

_REQUESTS = Counter("console_requests_total", "Requests answered.", ["route", "method", "status"])
_SECONDS = Histogram("console_request_seconds", "Time to answer.", ["route"])
_REFUSALS = Counter("console_refusals_total", "Requests refused, by reason.", ["reason"])
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def observe_request(*, route: str, method: str, status: int, seconds: float) -> None:
    """Count one answered request."""
    _REQUESTS.labels(route, method if method in _METHODS else "other", str(status)).inc()
    _SECONDS.labels(route).observe(seconds)


def count_refusal(reason: str) -> None:
    """Count one refusal; ``reason`` is one of a few fixed words."""
    _REFUSALS.labels(reason).inc()


class QueueCollector(Collector):
    """Read the depth and lag of the outbox tables, and the age of heartbeats, when scraped."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        waiting = GaugeMetricFamily("console_work_waiting", "Rows of due work.", labels=["table"])
        lag = GaugeMetricFamily("console_work_lag_seconds", "Age of the oldest due row.", labels=["table"])
        failed = GaugeMetricFamily("console_work_failed", "Rows given up.", labels=["table"])
        now = timezone.now()
        for model in (Delivery, OutgoingMail, OutgoingText):
            due = model.objects.filter(model.waiting(), due_at__lte=now)
            oldest = due.order_by("due_at").values_list("due_at", flat=True).first()
            waiting.add_metric([model.__name__], due.count())
            lag.add_metric([model.__name__], (now - oldest).total_seconds() if oldest else 0)
            failed.add_metric([model.__name__], model.objects.exclude(failed_at=None).count())
        age = GaugeMetricFamily("console_heartbeat_age_seconds", "Time since last seen.", labels=["name"])
        for beat in Heartbeat.objects.all():
            age.add_metric([beat.name], (now - beat.at).total_seconds())
        yield from (waiting, lag, failed, age)


def metrics_application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer a scrape, when it carries the metrics token (WSGI, PEP 3333)."""
    given = environ.get("HTTP_AUTHORIZATION", "").encode()
    wanted = f"Bearer {settings.METRICS_TOKEN}".encode()
    if not settings.METRICS_TOKEN or not hmac.compare_digest(given, wanted):
        start_response("401 Unauthorized", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"a metrics token is needed\n"]
    try:
        body = generate_latest(_registry())
    finally:
        connection.close()
    start_response("200 OK", [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")])
    return [body]


def _registry() -> CollectorRegistry:
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry = CollectorRegistry()
        for collector in (_REQUESTS, _SECONDS, _REFUSALS):
            registry.register(collector)
    registry.register(QueueCollector())
    return registry
