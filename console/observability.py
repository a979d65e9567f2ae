"""Send errors to Sentry and traces to an OpenTelemetry collector, when they are configured.

Both need the extra packages of ``observability`` in pyproject.toml. Neither gets bodies, cookies or addresses.
"""

from typing import Any

from django.conf import settings

_SENT_OF_A_REQUEST = frozenset({"method"})


def start() -> None:
    """Start what is configured, once per process."""
    if settings.SENTRY_DSN:
        _start_sentry()
    if settings.OTEL_ENDPOINT:
        _start_tracing()


def _start_sentry() -> None:
    import sentry_sdk  # noqa: PLC0415 - an optional package

    sentry_sdk.init(
        dsn=str(settings.SENTRY_DSN),
        send_default_pii=False,
        max_request_body_size="never",
        include_local_variables=False,
        traces_sample_rate=0,
        before_send=strip_report,
    )


def strip_report(report: Any, hint: Any) -> Any:
    """Take out of an error report what could name a person or open a door."""
    request = report.get("request") or {}
    report["request"] = {key: value for key, value in request.items() if key in _SENT_OF_A_REQUEST}
    for key in ("user", "breadcrumbs", "extra", "server_name"):
        report.pop(key, None)
    return report


def _start_tracing() -> None:
    from opentelemetry import trace  # noqa: PLC0415 - an optional package
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - as above
    from opentelemetry.instrumentation.django import DjangoInstrumentor  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.OTEL_ENDPOINT)))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument()
