"""Register the dev inbox with Django."""

from django.apps import AppConfig


class DevInboxConfig(AppConfig):
    """Name the app."""

    name = "console.devinbox"
    label = "devinbox"
    verbose_name = "Dev inbox"
