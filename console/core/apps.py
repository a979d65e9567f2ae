"""Register the kernel with Django."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Load the kernel's system checks when Django starts."""

    name = "console.core"
    label = "core"
    verbose_name = "Kernel"

    def ready(self) -> None:
        """Register the system checks."""
        from console.core import checks  # noqa: F401, PLC0415 - registering needs loaded apps
