"""Run the fake of Stripe that the ``localstripe`` package is."""

import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, ClassVar

from console.stack.binaries import package_directory
from console.stack.process import Child
from console.stack.server import Server

_ROOT = Path(__file__).resolve().parent.parent.parent


class StripeServer(Server):
    """Run a Stripe without money, on loopback; it tells the console's webhook what happens."""

    name: ClassVar[str] = "stripe"
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    roles: ClassVar[tuple[str, ...]] = ("key", "webhook")

    def __init__(
        self, directory: Path, port: int | None = None, *, webhook_url: str = "", **options: Any
    ) -> None:
        super().__init__(directory, port, **options)
        self.webhook_url = webhook_url

    @property
    def url(self) -> str:
        """Return the address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings with which the console uses it."""
        return {
            "STRIPE_SECRET_KEY": f"sk_test_{self._password('key')}",
            "STRIPE_PUBLISHABLE_KEY": "pk_test_localstripe",
            "STRIPE_WEBHOOK_SECRET": f"whsec_{self._password('webhook')}",
            "STRIPE_BASE_URL": self.url,
            "STRIPE_SCRIPT_URL": f"{self.url}/js.stripe.com/v3/",
        }

    def _prepare(self) -> None:
        package_directory("localstripe")
        self.directory.chmod(0o700)

    def _make_child(self) -> Child:
        hook = {"WEBHOOK_URL": self.webhook_url, "WEBHOOK_SECRET": self.environment["STRIPE_WEBHOOK_SECRET"]}
        command = [sys.executable, "-m", "console.stack.stripe_fake", str(self.directory), str(self.port)]
        return Child(command, self.log, env={**os.environ, **hook}, cwd=_ROOT, pause=self.pause)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2):
                return True
        except OSError:
            return False

    def _orphan(self) -> int:
        try:
            return int((self.directory / "stripe.pid").read_text())
        except (FileNotFoundError, ValueError):
            return 0
