"""Start one PostgreSQL and one Valkey for a test run; each xdist worker gets a database of its own.

Loaded by ``-p tests.servers`` before Django reads its settings.
"""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from console.stack.servers import PostgresServer, ValkeyServer

ROOT = Path(__file__).resolve().parent.parent
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")


def _begin() -> None:
    if "TEST_SUPERUSER_URL" not in os.environ:
        _start_servers()
    _use_own_database()


def _start_servers() -> None:
    home = Path(tempfile.mkdtemp(prefix="console-test-"))
    home.chmod(0o755)
    postgres, valkey = PostgresServer(home / "postgres"), ValkeyServer(home / "valkey")
    postgres.start()
    valkey.start()
    atexit.register(_stop, postgres, valkey, home)
    os.environ |= {
        "TEST_SUPERUSER_URL": postgres.superuser_url,
        "TEST_APP_URL": postgres.app_url,
        "TEST_OWNER_URL": postgres.owner_url,
        "TEST_VALKEY_URL": valkey.url,
        "TEST_MAIN_PID": str(os.getpid()),
    }
    os.environ |= _settings(postgres.app_url, postgres.owner_url, valkey.url)
    command = [sys.executable, "manage.py", "migrate", "--noinput", "-v0", "--skip-checks"]
    subprocess.run(command, cwd=ROOT, check=True)


def _stop(postgres: PostgresServer, valkey: ValkeyServer, home: Path) -> None:
    if os.environ.get("TEST_MAIN_PID") == str(os.getpid()):
        valkey.stop()
        postgres.stop()
        shutil.rmtree(home, ignore_errors=True)


def _settings(app_url: str, owner_url: str, valkey_url: str) -> dict[str, str]:
    return {
        "CONSOLE_PROFILE": "development",
        "SECRET_KEY": "test-only-" + "0123456789abcdef" * 4,
        "FIELD_KEYS": "t1:" + "dGVzdC1vbmx5LWtleS10ZXN0LW9ubHkta2V5LTEyMzQ=",
        "DATABASE_URL": app_url,
        "OWNER_DATABASE_URL": owner_url,
        "REDIS_URL": valkey_url,
        "DATABASE_POOL": "no",
        "METRICS_TOKEN": "test-metrics-token",
        "USAGE_KEY": "test-usage-key",
        "LOG_LEVEL": "WARNING",
    }


def _use_own_database() -> None:
    name = f"console_{WORKER}"
    with psycopg.connect(_named(os.environ["TEST_SUPERUSER_URL"], "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE console OWNER console_owner").format(sql.Identifier(name))
        )
    number = int("".join(filter(str.isdigit, WORKER)) or 14) % 15
    valkey = os.environ["TEST_VALKEY_URL"].rsplit("/", 1)[0] + f"/{number}"
    os.environ |= _settings(
        _named(os.environ["TEST_APP_URL"], name), _named(os.environ["TEST_OWNER_URL"], name), valkey
    )
    os.environ["TEST_OWN_SUPERUSER_URL"] = _named(os.environ["TEST_SUPERUSER_URL"], name)


def _named(url: str, database: str) -> str:
    return url.rsplit("/", 1)[0] + f"/{database}"


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers(config: Any) -> int:
    """Run one worker more than there are processors: a journey waits as often as it works."""
    return (os.cpu_count() or 1) + 1


_begin()
