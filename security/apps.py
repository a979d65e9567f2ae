"""Register the security app with Django."""

from django.apps import AppConfig


class SecurityConfig(AppConfig):
    """Name the app."""

    name = "security"
    verbose_name = "Sign-in and security"
