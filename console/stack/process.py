"""Run child processes that end when the process that started them ends."""

import contextlib
import ctypes
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Pause = Callable[[float], None]
Say = Callable[[str], None]

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_KEPT_LOG_BYTES = 4096


class StartError(RuntimeError):
    """Report a process that did not come up, with the end of its log."""


def say(line: str) -> None:
    """Print one line for the person at the terminal."""
    print(line, flush=True)


def end_with_parent(death_signal: signal.Signals, *, parent: int) -> None:
    """Ask the kernel to send the signal when the parent ends (Linux only)."""
    if _LIBC is None:
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def open_log(path: Path) -> int:
    """Open a log for appending, readable by its owner only."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def rotate_log(path: Path) -> None:
    """Keep the log of the last run beside the new one."""
    if path.exists() and path.stat().st_size:
        path.replace(path.with_suffix(".previous.log"))


def tail(path: Path, lines: int = 20) -> str:
    """Return the last lines of a log."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - _KEPT_LOG_BYTES))
        return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
    return ""


def as_user(name: str | None) -> dict[str, object]:
    """Return the arguments of ``subprocess`` that give up root for another user."""
    if name is None:
        return {}
    return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}


def is_port_free(port: int, host: str = "127.0.0.1") -> bool:
    """Say whether a server could listen on the port now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def find_free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nothing listens on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def command_of(pid: int) -> str:
    """Return the command line of a running process; a dead or unreaped one has none."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return ""
    command = ["/bin/ps", "-p", str(pid), "-ww", "-o", "command="]
    return subprocess.run(command, capture_output=True, check=False, text=True).stdout


def end_orphan(pid: int, *, marker: str, stop: signal.Signals, pause: Pause, patience: float = 30) -> None:
    """End a server whose parent is gone; a process that only has its number is left alone."""
    deadline = time.monotonic() + patience
    sent: signal.Signals | None = None
    while pid > 1 and marker in command_of(pid):
        wanted = stop if time.monotonic() < deadline else signal.SIGKILL
        if sent is not wanted:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, wanted)
            sent = wanted
        pause(0.1)


@dataclass
class Child:
    """Hold one process in a group of its own, with its log."""

    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] | None = None
    user: str | None = None
    cwd: Path | str | None = None
    death_signal: signal.Signals = signal.SIGTERM
    pause: Pause = time.sleep
    started_at: float = field(default=0.0, init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start the process; call this from the main thread only.

        The kernel ties the child to the thread that made it, not to the whole process.
        """
        parent = os.getpid()
        log = open_log(self.log)
        try:
            self._process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.env,
                cwd=self.cwd,
                start_new_session=True,
                preexec_fn=lambda: end_with_parent(self.death_signal, parent=parent),  # noqa: PLW1509 - one thread
                **as_user(self.user),  # type: ignore[call-overload]
            )
        finally:
            os.close(log)
        self.started_at = time.monotonic()

    @property
    def pid(self) -> int | None:
        """Return the number of the process, running or ended."""
        return self._process.pid if self._process else None

    @property
    def ending(self) -> str:
        """Say how the process ended."""
        code = self._process.poll() if self._process else None
        if code is None:
            return "is running"
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"

    @property
    def has_succeeded(self) -> bool:
        """Say whether the process ended with code 0."""
        return self._process is not None and self._process.poll() == 0

    @property
    def was_killed(self) -> bool:
        """Say whether SIGKILL ended the process."""
        return self._process is not None and self._process.poll() == -signal.SIGKILL

    def is_alive(self) -> bool:
        """Say whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self, stop: signal.Signals, *, patience: float, is_hurried: Callable[[], bool] = bool) -> None:
        """Ask the process to end, wait, and end what is left of its group."""
        if self._process is None:
            return
        if self.is_alive():
            self._process.send_signal(stop)
        deadline = time.monotonic() + patience
        while self.is_alive() and time.monotonic() < deadline and not is_hurried():
            time.sleep(0.02)
        self.kill()

    def kill(self) -> None:
        """End the process and its group at once, and reap it."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
