"""Celery application: a dumb pipe for work that PostgreSQL remembers."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

app = Celery("console")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["console.core", "accounts", "teams", "security", "subaccounts", "billing", "support"])
