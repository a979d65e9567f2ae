"""Register the support app with Django."""

from django.apps import AppConfig


class SupportConfig(AppConfig):
    """Name the app."""

    name = "support"
    verbose_name = "Help"
