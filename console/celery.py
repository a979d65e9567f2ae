"""Celery application: a dumb pipe for work that PostgreSQL remembers."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

app = Celery("console")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["console.core", "accounts", "teams", "security", "subaccounts", "billing", "support"])


@worker_init.connect
def start_observability(**_: Any) -> None:
    """Send the worker's errors and traces where the settings say."""
    from console import observability  # noqa: PLC0415 - settings come first

    observability.start()
