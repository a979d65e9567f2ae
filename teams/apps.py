"""Register the teams app with Django."""

from django.apps import AppConfig


class TeamsConfig(AppConfig):
    """Name the app."""

    name = "teams"
    verbose_name = "Who may do what"
