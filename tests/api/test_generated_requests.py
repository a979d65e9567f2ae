"""Requests made from the OpenAPI document find no server error and no answer that it does not describe."""

import subprocess
import sys

import pytest
from django.db import connections

from console.core import ratelimit
from tests.factories import make_account, make_subaccount, make_token

# What the schema allows may still be refused, with a documented 400: an unknown time zone, for one.
EXCLUDED = "positive_data_acceptance,negative_data_rejection"
pytestmark = [pytest.mark.transactional, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def account(settings, monkeypatch):
    settings.CONSOLE_API_REQUESTS = settings.CONSOLE_API_FAILURES = 1_000_000
    monkeypatch.setattr(ratelimit, "_outage", ratelimit._Outage())
    # The caller keeps its connection, and with it the server's thread: so that thread keeps its own to the database.
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 60)
    return make_account()


def test_generated_requests_find_no_server_error_and_no_undocumented_answer(live_server, account, tmp_path):
    token, subaccount = make_token(account)[1], make_subaccount(account)[0]
    config = tmp_path / "schemathesis.toml"
    config.write_text(
        f'[parameters]\n"path.auth_id" = "{account.auth_id}"\n"path.subaccount_id" = "{subaccount.auth_id}"\n'
        f'[auth.openapi.basic]\nusername = "{account.auth_id}"\npassword = "{token}"\n'
        # Nobody here has the key of a scanner, so it refuses whatever is generated.
        '[[operations]]\ninclude-path = "/v1/token-scan/"\nwarnings = false\n'
    )
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
        *("run", f"{live_server.url}/v1/openapi.json", "--url", live_server.url),
        *("--checks", "all", "--exclude-checks", EXCLUDED, "--no-color", "--seed", "1", "--no-shrink"),
        # The phase "coverage" makes 1,500 requests and takes a minute: run it by hand after a change of the kernel.
        *("--phases", "examples,fuzzing,stateful", "--max-examples", "4"),
    ]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=150)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
