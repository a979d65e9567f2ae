"""Register the billing app with Django."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Name the app."""

    name = "billing"
    verbose_name = "Money"
