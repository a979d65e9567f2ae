"""Composition root of the account console, and its kernel in ``console.core``."""

from console.celery import app as celery_app

__all__ = ["celery_app"]
