"""Register the demo with Django, in the development profile only."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Name the app."""

    name = "console.demo"
    label = "demo"
    verbose_name = "Demo"
