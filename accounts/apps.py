"""Register the accounts app with Django."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Name the app."""

    name = "accounts"
    verbose_name = "Customers"
