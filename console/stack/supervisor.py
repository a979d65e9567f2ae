"""Start the console's processes in order, keep them running, and stop them in order."""

import fcntl
import hashlib
import http.client
import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from console.stack import keys
from console.stack.plan import ROOT, Plan, Service
from console.stack.process import (
    Child,
    Say,
    StartError,
    find_free_port,
    is_port_free,
    rotate_log,
    say,
    tail,
)
from console.stack.server import Server
from console.stack.servers import PostgresServer, StripeServer, ValkeyServer

LIVE_WITHIN = 90.0
PORT_FREE_WITHIN = 10.0
STEADY_AFTER = 30.0


class StopRequested(BaseException):
    """Leave a wait because Ctrl-C or SIGTERM came."""


@dataclass(frozen=True)
class Options:
    """Hold where the console listens and where it keeps its state."""

    host: str
    port: int
    var: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Options":
        """Read HOST, PORT and VAR; port 0 means any free one."""
        host = environ.get("HOST") or "127.0.0.1"
        port = environ.get("PORT") or "8000"
        if not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 - the highest port
            raise StartError(f"PORT must be a number up to 65535, not {port!r}.")
        return cls(host, int(port) or find_free_port(host), Path(environ.get("VAR") or "var").absolute())

    @property
    def url(self) -> str:
        """Return the address to open in a browser."""
        host = "localhost" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - a comparison
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


@dataclass
class Backoff:
    """Say when something that died may be started again."""

    seconds: float = 0.0
    due_at: float = 0.0

    def note_death(self, *, lived: float, now: float) -> float:
        """Return the seconds to wait: twice as long each time, from anew after a steady run."""
        self.seconds = 0.5 if lived > STEADY_AFTER or not self.seconds else min(30.0, self.seconds * 2)
        self.due_at = now + self.seconds
        return self.seconds


@dataclass
class Keeper:
    """Hold a service with its process and its back-off."""

    service: Service
    child: Child
    backoff: Backoff = field(default_factory=Backoff)
    is_waiting: bool = False


class Stack:
    """Run the plan until it is told to stop."""

    def __init__(self, options: Options, plan: Plan, environ: Mapping[str, str], *, say: Say = say) -> None:
        self.options, self.plan, self.environ, self.say = options, plan, dict(environ), say
        self.var, self.logs = options.var, options.var / "log"
        self._signals = 0
        self._lock: int | None = None
        self._servers: list[Server] = []
        self._backoffs: dict[str, Backoff] = {}
        self._keepers: list[Keeper] = []

    def run(self) -> int:
        """Start everything, keep it running, and return the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note_signal)
        code = 0
        try:
            self._start()
            while True:
                self._pause(0.2)
                self._revive()
        except StopRequested:
            self.say("Stopping.")
        except StartError as error:
            self.say(str(error))
            code = 1
        finally:
            self._stop()
        if code == 0:
            self.say("Stopped.")
        return code

    def _note_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1

    def _pause(self, seconds: float) -> None:
        if self._signals:
            raise StopRequested
        time.sleep(seconds)

    # --- start -------------------------------------------------------------------------------

    def _start(self) -> None:
        began = time.monotonic()
        self.var.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        self.logs.mkdir(exist_ok=True)
        self._await_port()
        self._start_servers()
        self._run_steps()
        self._start_services()
        self._await_live()
        self._announce(time.monotonic() - began)

    def _take_lock(self) -> None:
        lock = os.open(self.var / "stack.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 1000).decode().strip() or "another process"
            os.close(lock)
            raise StartError(f"The console of {self.var} runs already: {holder}.") from None
        os.ftruncate(lock, 0)
        os.write(lock, f"process {os.getpid()}, {self.options.url}".encode())
        self._lock = lock

    def _await_port(self) -> None:
        """Give web processes of a killed run a moment to leave."""
        deadline = time.monotonic() + PORT_FREE_WITHIN
        while not is_port_free(self.options.port, self.options.host):
            if time.monotonic() > deadline:
                taken = f"Port {self.options.port} of {self.options.host} is taken"
                raise StartError(
                    f"{taken}: choose another one, for example PORT={self.options.port + 1} make run."
                )
            self._pause(0.2)

    def _start_servers(self) -> None:
        if not self.plan.needs_servers:
            return
        if not self.environ.get("DATABASE_URL"):
            self._servers.append(
                PostgresServer(self.var / "postgres", log=self._log("postgres"), pause=self._pause)
            )
        if not self.environ.get("REDIS_URL"):
            self._servers.append(
                ValkeyServer(self.var / "valkey", log=self._log("valkey"), pause=self._pause)
            )
        if "STRIPE_SECRET_KEY" not in self.environ and "STRIPE_SECRET_KEY_FILE" not in self.environ:
            hook = f"{self.options.url}/billing/stripe/webhook/"
            log = self._log("stripe")
            self._servers.append(
                StripeServer(self.var / "stripe", webhook_url=hook, log=log, pause=self._pause)
            )
        for server in self._servers:
            server.start()
            self._backoffs[server.name] = Backoff()

    def _log(self, name: str) -> Path:
        path = self.logs / f"{name}.log"
        rotate_log(path)
        return path

    def _child_environment(self) -> dict[str, str]:
        options = self.options
        made = {
            name: value for name, value in keys.load_or_make(self.var).items() if name not in self.environ
        }
        urls: dict[str, str] = {}
        for server in self._servers:
            if isinstance(server, PostgresServer):
                urls |= {"DATABASE_URL": server.app_url, "OWNER_DATABASE_URL": server.owner_url}
            if isinstance(server, ValkeyServer):
                urls["REDIS_URL"] = server.url
            if isinstance(server, StripeServer):
                urls |= server.environment
        place = {
            "HOST": options.host,
            "PORT": str(options.port),
            "VAR": str(self.var),
            "CONSOLE_PROFILE": "development",
        }
        lean = {"MALLOC_ARENA_MAX": "2"}  # threads of one process share their free memory
        return {
            "BASE_URL": options.url,
            **lean,
            **self.environ,
            **made,
            **urls,
            **place,
            "PYTHONUNBUFFERED": "1",
        }

    def _run_steps(self) -> None:
        environment = self._child_environment()
        record = self.var / "prepared.json"
        done: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}
        # Servers of someone else may have been emptied since: then nothing counts as done.
        identity = "" if "DATABASE_URL" in self.environ else environment.get("DATABASE_URL", "").split("@")[0]
        identity = hashlib.sha256(identity.encode()).hexdigest() if identity else ""
        for step in self.plan.steps:
            before = step.fingerprint(identity=identity)
            if identity and before and done.get(step.name) == before:
                continue
            self._run_step(step.name, step.argv, environment)
            done[step.name] = step.fingerprint(identity=identity)
            record.write_text(json.dumps(done))

    def _run_step(self, name: str, argv: tuple[str, ...], environment: dict[str, str]) -> None:
        log = self._log(name)
        child = Child(argv, log, env=environment, cwd=ROOT, pause=self._pause)
        child.start()
        try:
            while child.is_alive():
                self._pause(0.05)
        finally:
            child.stop(signal.SIGTERM, patience=5)
        if not child.has_succeeded:
            raise StartError(f"{name} {child.ending}. End of {log}:\n{tail(log)}")

    def _start_services(self) -> None:
        environment = self._child_environment()
        for service in self.plan.services:
            log = self._log(service.name)
            child = Child(
                service.argv, log, environment, cwd=ROOT, death_signal=service.death_signal, pause=self._pause
            )
            self._keepers.append(Keeper(service, child))
            child.start()

    def _await_live(self) -> None:
        deadline = time.monotonic() + LIVE_WITHIN
        web = self._keepers[0].child
        while not self._is_live():
            if not web.is_alive() or time.monotonic() > deadline:
                raise StartError(f"web {web.ending} and does not answer. End of {web.log}:\n{tail(web.log)}")
            self._pause(0.1)

    def _is_live(self) -> bool:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.options.host, self.options.host)  # noqa: S104
        connection = http.client.HTTPConnection(host, self.options.port, timeout=5)
        try:
            connection.request("GET", self.plan.live_path)
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _announce(self, seconds: float) -> None:
        self.say(f"The console is ready at {self.options.url} ({seconds:.1f} s).")
        self.say(f"Mails and texts appear at {self.options.url}/dev/inbox/. Logs are in {self.logs}.")
        for note in self.plan.notes:
            self.say(note)
        self.say("Stop with Ctrl-C; what was entered stays.")

    # --- keep running ------------------------------------------------------------------------

    def _revive(self) -> None:
        for server in self._servers:
            if not server.is_alive():
                self._revive_server(server)
        for keeper in self._keepers:
            if not keeper.child.is_alive():
                self._revive_service(keeper)

    def _revive_server(self, server: Server) -> None:
        backoff = self._backoffs[server.name]
        if backoff.due_at == 0.0:
            wait = backoff.note_death(lived=server.lived_for, now=time.monotonic())
            self.say(f"{server.name} {server.ending}; it starts again in {wait:g} s.")
        if time.monotonic() < backoff.due_at:
            return
        port = server.port
        try:
            server.start()
        except StartError as error:
            wait = backoff.note_death(lived=0, now=time.monotonic())
            self.say(f"{error}\nNext try in {wait:g} s.")
            return
        backoff.due_at = 0.0
        self.say(f"{server.name} is back.")
        if server.port != port:
            self._move_services()

    def _move_services(self) -> None:
        """Restart what holds an address that has changed."""
        environment = self._child_environment()
        for keeper in self._keepers:
            keeper.child.stop(signal.SIGTERM, patience=keeper.service.patience)
            keeper.child.env = environment
            keeper.child.start()

    def _revive_service(self, keeper: Keeper) -> None:
        child, now = keeper.child, time.monotonic()
        if not keeper.is_waiting:
            keeper.is_waiting = True
            lived = now - child.started_at
            wait = keeper.backoff.note_death(lived=lived, now=now)
            self.say(f"{keeper.service.name} {child.ending}; it starts again in {wait:g} s.")
            if lived < STEADY_AFTER and not child.was_killed:
                self.say(f"End of {child.log}:\n{tail(child.log)}")
        if now >= keeper.backoff.due_at:
            child.kill()
            child.start()
            keeper.is_waiting = False
            self.say(f"{keeper.service.name} is back.")

    # --- stop --------------------------------------------------------------------------------

    def _stop(self) -> None:
        for keeper in self._keepers:
            keeper.child.stop(
                signal.SIGTERM, patience=keeper.service.patience, is_hurried=lambda: self._signals > 1
            )
        for server in reversed(self._servers):
            server.stop()
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None
