"""Start a server on real PostgreSQL and Valkey, time pages and API in turns, print a table and JSON."""

import base64
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from console.stack.servers import PostgresServer, ValkeyServer

ROOT = Path(__file__).resolve().parent.parent.parent
ROUNDS, WARM_UP = 300, 30
_PREPARE = """
import json
from tests.conftest import Cast, sign_in
from tests.factories import make_account, make_authenticator, make_token, make_user
from django.test import Client
from django.conf import settings
owner = make_user("bench@halyard.example")
make_authenticator(owner)
account = make_account(owner=owner)
token = make_token(account)[1]
client = Client()
sign_in(client, owner)
print(json.dumps({"auth_id": account.auth_id, "token": token,
    "cookie": f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"}))
"""


def main() -> None:
    """Measure and print."""
    home = Path(tempfile.mkdtemp(prefix="console-bench-"))
    home.chmod(0o755)
    with PostgresServer(home / "postgres") as postgres, ValkeyServer(home / "valkey") as valkey:
        environment = _environment(home, postgres, valkey)
        for command in (
            ["migrate", "-v0"],
            ["collectstatic", "--noinput", "-v0"],
            ["compress", "--force", "-v0"],
        ):
            subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=environment, check=True)
        shell = [sys.executable, "manage.py", "shell", "--no-imports", "-c", _PREPARE]
        facts = json.loads(subprocess.check_output(shell, cwd=ROOT, env=environment).splitlines()[-1])
        server = _start_web(environment)
        try:
            figures = measure(int(environment["PORT"]), facts)
        finally:
            server.terminate()
            server.wait(20)
    shutil.rmtree(home, ignore_errors=True)
    _print(figures)


def _environment(home: Path, postgres: PostgresServer, valkey: ValkeyServer) -> dict[str, str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
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
        "PORT": str(port),
        "WEB_WORKERS": "1",
        "TEST_OWN_SUPERUSER_URL": postgres.superuser_url,
    }


def _start_web(environment: dict[str, str]) -> subprocess.Popen:
    argv = [sys.executable, "-m", "gunicorn", "console.wsgi:application", "-c", "console/stack/gunicorn.py"]
    server = subprocess.Popen(argv, cwd=ROOT, env=environment)
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", int(environment["PORT"])), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return server
    raise SystemExit("The server did not start.")


def measure(port: int, facts: dict[str, str]) -> list[dict[str, object]]:
    """Time every address in turns on one kept connection, so that noise meets all alike."""
    home, cookie = f"/{facts['auth_id']}/", {"Cookie": facts["cookie"]}
    basic = base64.b64encode(f"{facts['auth_id']}:{facts['token']}".encode()).decode()
    key = {"Authorization": f"Basic {basic}"}
    cases = {
        "bare page (session and user)": ("/bench/page/", cookie, "", 1.0),
        "overview": (home, cookie, "bare page (session and user)", 6.0),
        "credentials": (f"{home}account/settings/credentials/", cookie, "bare page (session and user)", 4.0),
        "security": (f"{home}account/settings/security/", cookie, "bare page (session and user)", 4.0),
        "profile": (f"{home}account/settings/profile/", cookie, "bare page (session and user)", 4.0),
        "bare query": (f"/bench/query/{facts['auth_id']}/", {}, "", 1.0),
        "API GET Account": (f"/v1/Account/{facts['auth_id']}/", key, "bare query", 2.0),
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for turn in range(ROUNDS + WARM_UP):
        for name, (path, headers, _, _) in cases.items():
            started = time.perf_counter()
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"{name}: {path} answered {answer.status}")
            if turn >= WARM_UP:
                times[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in times.items()}
    return [
        {
            "what": name,
            "median_ms": round(medians[name] * 1000, 2),
            "ratio": round(medians[name] / medians[base], 2) if base else 1.0,
            "must_reach": limit,
        }
        for name, (_, _, base, limit) in cases.items()
    ]


def _print(figures: list[dict[str, object]]) -> None:
    for row in figures:
        print(
            f"{row['what']:<32}{row['median_ms']:>9} ms   ratio {row['ratio']:>5}   must reach {row['must_reach']}"
        )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
