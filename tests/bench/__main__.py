"""Start servers on real PostgreSQL and Valkey, time pages and API in turns, print a table and JSON.

``BENCH_ACCOUNTS`` and ``BENCH_USAGE`` set the size of the large database, ``BENCH_ROUNDS`` how often each is called.
"""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from console.stack.servers import PostgresServer, ValkeyServer
from tests.bench.filling import fill_lists, fill_product, superuser
from tests.bench.timing import Case, measure

ROOT = Path(__file__).resolve().parent.parent.parent
ACCOUNTS = int(os.environ.get("BENCH_ACCOUNTS", "100000"))
USAGE = int(os.environ.get("BENCH_USAGE", "1000000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "200"))
SMALL = 1000
FEW, MANY = 10, 10_000
PAGES = {
    "overview": ("", 6.0),
    "usage log": ("logs/usage/", 4.0),
    "usage log, one number": ("logs/usage/?to_number=%2B31612340042", 4.0),
    "usage by day": ("logs/days/", 6.0),
    "subaccounts": ("subaccounts/", 4.0),
    "audit log": ("account/settings/audit-log/", 4.0),
    "credentials": ("account/settings/credentials/", 4.0),
    "security": ("account/settings/security/", 4.0),
    "profile": ("account/settings/profile/", 4.0),
}
CALLS = {
    "API GET Account": ("", 2.0),
    "API GET Pricing": ("Pricing/?country_iso=NL", 2.0),
    "API list of subaccounts": ("Subaccount/", 0.0),
}


def main() -> None:
    """Measure and print."""
    home = Path(tempfile.mkdtemp(prefix="console-bench-"))
    home.chmod(0o755)
    with (
        PostgresServer(home / "postgres") as postgres,
        ValkeyServer(home / "valkey") as valkey,
        ExitStack() as stack,
    ):
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        settings = _environment(home, postgres, valkey)
        facts = _prepare(settings)
        seconds = _grow(postgres.superuser_url, facts)
        ports = [stack.enter_context(_web(settings, name)) for name in ("console", "console_large")]
        figures = measure(_cases(*ports, facts), rounds=ROUNDS)
    _print(figures, seconds)


def _environment(home: Path, postgres: PostgresServer, valkey: ValkeyServer) -> dict[str, str]:
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
        "CONSOLE_PROFILE": "development",
        "SECRET_KEY": "bench-only-" + "0123456789abcdef" * 4,
        "FIELD_KEYS": "b1:" + base64.b64encode(b"b" * 32).decode(),
        "DATABASE_URL": postgres.app_url,
        "OWNER_DATABASE_URL": postgres.owner_url,
        "REDIS_URL": valkey.url,
        "VAR": str(home),
        "HOST": "127.0.0.1",
        "WEB_WORKERS": "1",
        "TEST_OWN_SUPERUSER_URL": postgres.superuser_url,
    }


def _prepare(environment: dict[str, str]) -> dict[str, Any]:
    for command in (
        ["migrate", "-v0"],
        ["load_sample_prices"],
        ["collectstatic", "--noinput", "-v0"],
        ["compress", "--force", "-v0"],
    ):
        run = [sys.executable, "manage.py", *command]
        subprocess.run(run, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    code = "from tests.bench.preparing import main; main()"
    shell = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    return json.loads(subprocess.check_output(shell, cwd=ROOT, env=environment).splitlines()[-1])


def _grow(url: str, facts: dict[str, Any]) -> float:
    """Fill the lists and 1,000 accounts, make a copy of the database, and fill that one."""
    with superuser(url) as cursor:
        cursor.execute("ALTER SYSTEM SET max_wal_size = '8GB'")
        cursor.execute("SELECT pg_reload_conf()")
        fill_lists(cursor, facts["few"]["id"], FEW, first=1)
        fill_lists(cursor, facts["many"]["id"], MANY, first=50_001)
        fill_product(cursor, facts["few"]["id"], accounts=SMALL, events=SMALL * 10)
    with psycopg.connect(_named(url, "postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE console_large TEMPLATE console OWNER console_owner")
        connection.execute("GRANT CONNECT ON DATABASE console_large TO console_app")
    with superuser(_named(url, "console_large")) as cursor:
        cursor.execute("DELETE FROM subaccounts_usageday WHERE account_id > 1000000000")
        return fill_product(cursor, facts["few"]["id"], accounts=ACCOUNTS, events=USAGE, first=200_001)


def _named(url: str, database: str) -> str:
    return url.rsplit("/", 1)[0] + f"/{database}"


@contextmanager
def _web(settings: dict[str, str], database: str) -> Iterator[int]:
    """Serve one of the databases, and give the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    urls = {name: _named(settings[name], database) for name in ("DATABASE_URL", "OWNER_DATABASE_URL")}
    argv = [sys.executable, "-m", "gunicorn", "console.wsgi:application", "-c", "console/stack/gunicorn.py"]
    server = subprocess.Popen(argv, cwd=ROOT, env=settings | urls | {"PORT": str(port)})
    try:
        _wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("The server did not start.")


def _cases(small: int, large: int, facts: dict[str, Any]) -> list[Case]:
    """Return what is compared: with a bare view, few rows with many, and the small with the large database."""
    few, many, cookie = facts["few"], facts["many"], {"Cookie": facts["cookie"]}
    basic = base64.b64encode(f"{few['auth_id']}:{few['token']}".encode()).decode()
    key = {"Authorization": f"Basic {basic}"}
    page, query = "bare page (session and user)", "bare query"
    cases = [
        Case(page, small, "/bench/page/", cookie),
        Case(query, small, f"/bench/query/{few['auth_id']}/", {}),
    ]
    size = f"{ACCOUNTS:,} accounts"
    for name, (path, most) in PAGES.items():
        address = f"/{few['auth_id']}/{path}"
        cases.append(Case(name, small, address, cookie, page, most))
        cases.append(Case(f"{name}, {MANY:,} rows", small, f"/{many['auth_id']}/{path}", cookie, page, most))
        cases.append(Case(f"{name}, {size}", large, address, cookie, name, 1.2))
    for name, (path, most) in CALLS.items():
        address = f"/v1/Account/{few['auth_id']}/{path}"
        cases.append(Case(name, small, address, key, query, most))
        cases.append(Case(f"{name}, {size}", large, address, key, name, 1.2))
    return cases


def _print(figures: list[dict[str, Any]], seconds: float) -> None:
    print(f"{ACCOUNTS:,} accounts and {USAGE:,} events were made in {seconds:.0f} s")
    for row in figures:
        goal = f"must reach {row['must_reach']}" if row["compared_with"] and row["must_reach"] else ""
        print(
            f"{row['what']:<48}{row['median_ms']:>9} ms   {row['ratio']:>6} x {row['compared_with']:<30}{goal}"
        )
    print(
        json.dumps(
            {"accounts": ACCOUNTS, "usage": USAGE, "made_in_seconds": round(seconds), "figures": figures}
        )
    )


if __name__ == "__main__":
    main()
