"""Register the kernel with Django."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class CoreConfig(AppConfig):
    """Load the kernel's system checks and every app's subscribers when Django starts."""

    name = "console.core"
    label = "core"
    verbose_name = "Kernel"

    def ready(self) -> None:
        """Register the system checks, and the tasks: an event finds only subscribers that were imported."""
        from console.core import checks  # noqa: F401, PLC0415 - registering needs loaded apps

        autodiscover_modules("tasks")
