"""Register the subaccounts app with Django."""

from django.apps import AppConfig


class SubaccountsConfig(AppConfig):
    """Name the app."""

    name = "subaccounts"
    verbose_name = "Accounts inside accounts"
