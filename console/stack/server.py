"""Start, watch and stop one server that is a foreground child of this process."""

import fcntl
import json
import os
import secrets
import shutil
import signal
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from console.stack.process import (
    Child,
    Pause,
    Say,
    StartError,
    end_orphan,
    find_free_port,
    is_port_free,
    say,
    tail,
)

EARLY_EXITS_FOR = 20.0


class ServerInUseError(StartError):
    """Report a directory whose server belongs to another process."""


class Server(ABC):
    """Keep one server's directory, port, passwords and process together."""

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]
    roles: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        *,
        log: Path | None = None,
        ready_within: float = 600,
        pause: Pause = time.sleep,
        say: Say = say,
    ) -> None:
        self.directory = Path(directory).absolute()
        self.log = log or self.directory / "server.log"
        self.ready_within = ready_within
        self.pause = pause
        self.say = say
        self._fixed_port = port
        self._lock: int | None = None
        self._child: Child | None = None
        self._state: dict[str, Any] = {}

    def start(self) -> None:
        """Start the server and return when it answers.

        :raises ServerInUseError: if another process runs the server of this directory
        :raises StartError: if it does not come up; the message ends with its log
        """
        if self.is_alive():
            return
        self._take_lock()
        self._load_state()
        self._prepare()
        now = time.monotonic()
        self._run_until_it_answers(deadline=now + self.ready_within, exits_until=now + EARLY_EXITS_FOR)

    def stop(self, patience: float = 60) -> None:
        """Stop the server cleanly and wait for its end."""
        if self._child:
            self._child.stop(self.stop_signal, patience=patience)
        self._release_lock()

    def kill(self) -> None:
        """End the server at once, as ``kill -9`` does."""
        if self._child:
            self._child.kill()
        self._release_lock()

    def discard(self) -> None:
        """Stop the server and delete everything it stored."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def is_alive(self) -> bool:
        """Say whether the server process runs."""
        return self._child is not None and self._child.is_alive()

    @property
    def pid(self) -> int | None:
        """Return the number of the server process."""
        return self._child.pid if self._child else None

    @property
    def ending(self) -> str:
        """Say how the server process ended."""
        return self._child.ending if self._child else "was not started"

    @property
    def lived_for(self) -> float:
        """Return the seconds since the server was started."""
        return time.monotonic() - self._child.started_at if self._child else 0.0

    @property
    def port(self) -> int:
        """Return the port of this start."""
        port = self._fixed_port or self._state.get("port")
        if not port:
            raise RuntimeError(f"{self.name} has no port before its first start.")
        return int(port)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @abstractmethod
    def _prepare(self) -> None:
        """Lay out what the server needs on disk."""

    @abstractmethod
    def _make_child(self) -> Child:
        """Return the process to start."""

    @abstractmethod
    def _answers(self) -> bool:
        """Connect, and say whether the server answers."""

    @abstractmethod
    def _orphan(self) -> int:
        """Return the process number that an earlier run wrote down, or 0."""

    def _password(self, role: str) -> str:
        return str(self._state["passwords"][role])

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise ServerInUseError(
                f"{self.name} of {self.directory} belongs to another running process."
            ) from None
        self._lock = lock

    def _release_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _load_state(self) -> None:
        if self._state_file.exists():
            self._state = json.loads(self._state_file.read_text())
        else:
            self._state = {"passwords": {role: secrets.token_urlsafe(24) for role in self.roles}}
            self._save_state()

    @property
    def _state_file(self) -> Path:
        return self.directory / "state.json"

    def _save_state(self) -> None:
        draft = self.directory / "state.json.new"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123 - mode
            json.dump(self._state, file)
        draft.replace(self._state_file)

    def _choose_port(self) -> None:
        if self._fixed_port:
            return
        remembered = self._state.get("port")
        if not remembered or not is_port_free(remembered):
            self._state["port"] = find_free_port()
            self._save_state()

    def _run_until_it_answers(self, *, deadline: float, exits_until: float) -> None:
        while True:
            end_orphan(self._orphan(), marker=str(self.directory), stop=self.stop_signal, pause=self.pause)
            self._choose_port()
            self._child = self._make_child()
            self._child.start()
            while self._child.is_alive() and time.monotonic() < deadline:
                if self._answers():
                    return
                self.pause(0.03)
            if time.monotonic() >= min(deadline, exits_until):
                break
            self.pause(0.25)
        ending, end_of_log = self._child.ending, tail(self.log)
        self.kill()
        raise StartError(f"{self.name} did not start: it {ending}. End of {self.log}:\n{end_of_log}")
