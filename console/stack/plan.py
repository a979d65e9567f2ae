"""Say what the stack runs: set-up steps in order, then services."""

import hashlib
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
_CODE = ("console", "accounts", "teams", "security", "subaccounts", "billing", "support")
_MANAGE = (sys.executable, "manage.py")


@dataclass(frozen=True)
class Step:
    """Hold one set-up command, and the files that make it necessary again when they change."""

    name: str
    argv: tuple[str, ...]
    inputs: tuple[Path, ...] = ()
    output: Path | None = None

    def fingerprint(self, *, identity: str) -> str:
        """Return a text that changes when an input does, or nothing if the output is missing."""
        if not self.inputs or (self.output and not self.output.exists()):
            return ""
        digest = hashlib.sha256(repr((identity, self.argv)).encode())
        for path in _files(self.inputs):
            status = path.stat()
            digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class Service:
    """Hold one process that the supervisor keeps running."""

    name: str
    argv: tuple[str, ...]
    death_signal: signal.Signals = signal.SIGTERM
    patience: float = 8.0


@dataclass(frozen=True)
class Plan:
    """Hold everything that the supervisor does besides the two servers.

    Services stop in the order in which they stand here, the web server first.
    """

    steps: tuple[Step, ...]
    services: tuple[Service, ...]
    live_path: str = "/healthz/live"
    needs_servers: bool = True
    notes: tuple[str, ...] = field(default=())


def standard_plan(var: Path, *, is_demo: bool) -> Plan:
    """Return the plan of ``run``, or of ``demo`` with its sample data."""
    steps = [
        Step("migrate", (*_MANAGE, "migrate", "--noinput", "-v0"), _code_files()),
        Step(
            "collectstatic",
            (*_MANAGE, "collectstatic", "--noinput", "-v0"),
            (ROOT / "static", ROOT / "templates", *_code_files()),
            var / "static",
        ),
        Step(
            "compress",
            (*_MANAGE, "compress", "--force", "-v0"),
            (ROOT / "static", ROOT / "templates", *_code_files()),
            var / "static",
        ),
    ]
    sample = (ROOT / "billing/sample_prices.py", ROOT / "uv.lock")
    steps.append(Step("load_sample_prices", (*_MANAGE, "load_sample_prices"), sample))
    notes = []
    if is_demo:
        steps.append(Step("make_demo", (*_MANAGE, "make_demo")))
        notes.append(f"The sample accounts, with passwords and tokens, are in {var / 'demo.json'}.")
    else:
        # The demo loads the numbers itself, in the months before it rents them.
        steps.append(Step("load_numbers", (*_MANAGE, "load_numbers"), (ROOT / "subaccounts/samples",)))
    return Plan(tuple(steps), _services(var), notes=tuple(notes))


def _services(var: Path) -> tuple[Service, ...]:
    gunicorn = ("-m", "gunicorn", "console.wsgi:application", "-c", "console/stack/gunicorn.py")
    celery = ("-m", "celery", "-A", "console")
    worker = ("--pool", "threads", "--concurrency", "4", "--loglevel", "warning", "-n", "worker@%h")
    beat = ("-s", str(var / "beat-schedule"), "--pidfile=", "--loglevel", "warning")
    return (
        Service("web", (sys.executable, *gunicorn)),
        Service("beat", (sys.executable, *celery, "beat", *beat), patience=4),
        Service(
            "worker",
            (sys.executable, *celery, "worker", *worker, "--without-gossip", "--without-mingle"),
            death_signal=signal.SIGKILL,  # its work is leased in the database and done again by another
        ),
    )


def _code_files() -> tuple[Path, ...]:
    return (*(ROOT / name for name in _CODE), ROOT / "uv.lock")


def _files(inputs: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in inputs:
        found += (
            (file for file in path.rglob("*") if file.is_file() and file.suffix != ".pyc")
            if path.is_dir()
            else [path]
        )
    return sorted(file for file in found if file.exists())
