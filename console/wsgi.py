"""Serve the console, and its metrics on their own port."""

import os
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

_console = get_wsgi_application()

from django.conf import settings  # noqa: E402 - Django is set up by the line above

from console import observability  # noqa: E402 - as above
from console.core.metrics import metrics_application  # noqa: E402 - as above

observability.start()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer metrics on the internal port and everything else on the public one."""
    if settings.METRICS_PORT and environ.get("SERVER_PORT") == str(settings.METRICS_PORT):
        return metrics_application(environ, start_response)
    return _console(environ, start_response)
