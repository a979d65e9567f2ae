"""The embedded PostgreSQL and Valkey, and the supervisor above them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from console.stack.binaries import public_path
from console.stack.process import find_free_port
from console.stack.server import ServerInUseError
from console.stack.servers import PostgresServer, ValkeyServer

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = PostgresServer(tmp_path_factory.mktemp("stack") / "postgres", max_connections=20)
    server.start()
    yield server
    server.discard()


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path_factory.mktemp("stack") / "valkey")
    server.start()
    yield server
    server.discard()


def run_sql(url: str, statement: str):
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone() if cursor.description else None


def processes_of(*places: Path) -> dict[int, str]:
    """Find running processes that name one of the places in their command or their VAR."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if any(str(place) in command or f"VAR={place}\0".encode() in environment for place in places):
                found[int(entry.name)] = command
    return found


def wait_until(is_met, *, within: float = 15) -> None:
    deadline = time.monotonic() + within
    while not is_met():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_application_role_has_no_power(postgres):
    assert run_sql(
        postgres.app_url,
        "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = current_user",
    ) == (False,)
    for statement in (
        "CREATE TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE ROLE friend",
        "ALTER ROLE console_app SUPERUSER",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run_sql(postgres.app_url, statement)
    run_sql(postgres.owner_url, "CREATE TABLE theirs (id int)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run_sql(postgres.app_url, "SELECT * FROM theirs")


def test_database_is_as_production_wants_it(postgres):
    row = run_sql(
        postgres.superuser_url,
        "SELECT current_setting('fsync'), current_setting('server_encoding'), current_setting('listen_addresses'),"
        " current_setting('max_connections'), current_setting('unix_socket_directories'),"
        " (SELECT datlocprovider::text || ' ' || datlocale FROM pg_database WHERE datname = 'console'),"
        " (SELECT array_agg(extname::text ORDER BY extname) FROM pg_extension WHERE extname <> 'plpgsql')",
    )
    assert row == ("on", "UTF8", "127.0.0.1", "20", "", "b C.UTF-8", ["btree_gist", "citext", "pg_trgm"])
    run_sql(postgres.owner_url, "CREATE DATABASE of_a_test")
    assert run_sql(postgres.owner_url.removesuffix("console") + "of_a_test", "SELECT 'A'::citext = 'a'") == (
        True,
    )


def test_wrong_passwords_are_refused(postgres, valkey):
    parts = urlsplit(postgres.app_url)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        run_sql(postgres.app_url.replace(parts.password, "wrong"), "SELECT 1")
    address = urlsplit(valkey.url)
    for password in (None, "wrong"):
        with (
            redis.Redis(port=address.port, password=password, retry=Retry(NoBackoff(), 0)) as client,
            pytest.raises(redis.AuthenticationError),
        ):
            client.ping()


def test_secrets_stay_off_command_lines_and_are_readable_by_the_owner_only(postgres, valkey):
    for server in (postgres, valkey):
        state = server.directory / "state.json"
        assert state.stat().st_mode & 0o077 == 0
        command = Path(f"/proc/{server.pid}/cmdline").read_text() if Path("/proc").exists() else ""
        assert not [word for word in json.loads(state.read_text())["passwords"].values() if word in command]
    assert (valkey.directory / "valkey.conf").stat().st_mode & 0o077 == 0


def test_committed_rows_survive_five_kills(postgres):
    run_sql(postgres.owner_url, "CREATE TABLE kept (id int PRIMARY KEY)")
    for number in range(5):
        with psycopg.connect(postgres.owner_url) as open_one:
            open_one.execute("INSERT INTO kept VALUES (%s)", [100 + number])
            run_sql(postgres.owner_url, f"INSERT INTO kept VALUES ({number})")
            postgres.kill()
            open_one.close()
        postgres.start()
        assert run_sql(postgres.owner_url, "SELECT array_agg(id ORDER BY id) FROM kept") == (
            list(range(number + 1)),
        )


def test_valkey_keeps_what_it_was_given(valkey):
    with redis.Redis.from_url(valkey.url) as client:
        client.set("kept", "yes")
    valkey.stop()
    valkey.start()
    with redis.Redis.from_url(valkey.url) as client:
        assert client.get("kept") == b"yes"


def test_pair_stops_and_starts_twenty_times(tmp_path):
    postgres, valkey = PostgresServer(tmp_path / "postgres"), ValkeyServer(tmp_path / "valkey")
    try:
        for _ in range(20):
            postgres.start()
            valkey.start()
            assert run_sql(postgres.app_url, "SELECT 1") == (1,)
            valkey.stop()
            postgres.stop()
            assert not (postgres.data / "postmaster.pid").exists()
        assert not processes_of(postgres.data, valkey.directory)
    finally:
        postgres.discard()
        valkey.discard()


def test_pid_of_a_stranger_does_not_block_the_start(postgres):
    postgres.kill()
    user = (
        {"user": "nobody", "group": "nogroup"}
        if os.geteuid() == 0 and Path("/etc/debian_version").exists()
        else {}
    )
    stranger = subprocess.Popen(["sleep", "60"], **user)
    try:
        pid_file = postgres.data / "postmaster.pid"
        lines = pid_file.read_text().split("\n")
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]))
        postgres.start()
        assert run_sql(postgres.app_url, "SELECT 1") == (1,)
    finally:
        stranger.kill()
        stranger.wait()


def test_directory_has_one_server_at_a_time(postgres):
    with pytest.raises(ServerInUseError):
        PostgresServer(postgres.directory).start()


def test_taken_port_is_exchanged_for_a_free_one(valkey, tmp_path):
    port = valkey.port
    valkey.stop()
    rival = ValkeyServer(tmp_path / "rival", port=port)
    with rival:
        valkey.start()
        assert valkey.port != port
        with redis.Redis.from_url(valkey.url) as client:
            assert client.ping()
    rival.discard()


class Supervised:
    """A supervisor over stand-in services, in a process of its own."""

    def __init__(self, var: Path) -> None:
        self.var, self.port = var, find_free_port()
        self.output = var.with_suffix(".out")
        self.places = (var, public_path(var / "postgres"))
        self.process: subprocess.Popen | None = None

    def launch(self) -> subprocess.Popen:
        script = [sys.executable, "-m", "tests.stack.stand_ins", str(self.var), str(self.port)]
        with self.output.open("w") as output:
            return subprocess.Popen(script, stdout=output, stderr=output, cwd=ROOT, env=self.environment())

    def environment(self) -> dict[str, str]:
        """Leave out the servers of the test run: these tests are about servers of their own."""
        ours = {"DATABASE_URL", "OWNER_DATABASE_URL", "REDIS_URL", "VAR"}
        return {name: value for name, value in os.environ.items() if name not in ours}

    def start(self) -> None:
        self.process = self.launch()
        wait_until(lambda: "is ready" in self.output.read_text() or self.process.poll() is not None)
        assert self.process.poll() is None, self.output.read_text()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    stack = Supervised(tmp_path / "var")
    yield stack
    if stack.process and stack.process.poll() is None:
        stack.stop()
    PostgresServer(stack.var / "postgres").discard()
    shutil.rmtree(stack.var, ignore_errors=True)


def test_killed_supervisor_leaves_no_process_and_no_lock(supervised):
    for _ in range(2):
        supervised.start()
        assert len(processes_of(*supervised.places)) >= 5
        supervised.process.kill()
        supervised.process.wait()
    wait_until(lambda: not processes_of(*supervised.places))


def test_second_start_names_the_first_and_ends(supervised):
    supervised.start()
    second = Supervised(supervised.var)
    second.output = supervised.var.with_suffix(".second")
    process = second.launch()
    assert process.wait(10) == 1
    assert (
        f"process {supervised.process.pid}, http://127.0.0.1:{supervised.port}" in second.output.read_text()
    )
    assert supervised.stop() == 0
    assert not processes_of(*supervised.places)


def test_killed_processes_come_back(supervised):
    supervised.start()
    for name, marker in (("postgres", "/postgres "), ("valkey", "valkey-server"), ("web", "http.server")):
        running = processes_of(*supervised.places)
        os.kill(min(pid for pid, command in running.items() if marker in command), signal.SIGKILL)
        wait_until(lambda name=name: f"{name} is back." in supervised.output.read_text())
    assert "was ended by SIGKILL" in supervised.output.read_text()
    assert supervised.stop() == 0
