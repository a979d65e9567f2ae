"""Whoever dies in between, what was promised arrives exactly once."""

import os
import signal
import time

import pytest

from tests.journeys import steps
from tests.journeys.conftest import Console, Watch


@pytest.fixture(scope="module")
def fragile(tmp_path_factory):
    """A console of its own, to be hurt."""
    var = tmp_path_factory.mktemp("fragile")
    for folder in (var, var.parent, var.parent.parent):
        folder.chmod(0o755)
    console = Console(var)
    console.wait()
    yield console
    assert console.stop() == 0
    assert console.pids("celery") == []
    assert console.pids("postgres") == []


@pytest.fixture(autouse=True)
def _healed(fragile):
    """Begin each story with a console that is whole."""
    fragile.wait()


def _sign_up(console, email):
    import http.cookiejar
    import re
    import urllib.parse
    import urllib.request

    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    page = opener.open(f"{console.url}/sign-up/", timeout=10).read().decode()
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    time.sleep(2.5)
    fields |= {
        "email": email,
        "full_name": "Ruth Adeyemi",
        "company_name": "Quayside Freight",
        "password": "violet kettle argues at dawn",
        "terms": "on",
    }
    answer = opener.open(f"{console.url}/sign-up/", urllib.parse.urlencode(fields).encode(), timeout=20)
    assert "Check your mail" in answer.read().decode()


def _arrives_once(console, email):
    console.newest(email)
    time.sleep(6)  # longer than a lease and a round of beat
    assert len(console.messages(email)) == 1


def test_mail_arrives_once_when_the_worker_is_killed(fragile):
    fragile.kill("celery -A console worker")
    _sign_up(fragile, "killed@quayside.example")
    _arrives_once(fragile, "killed@quayside.example")


def test_mail_arrives_once_when_valkey_was_away(fragile):
    fragile.kill("valkey-server")
    _sign_up(fragile, "away@quayside.example")
    _arrives_once(fragile, "away@quayside.example")
    fragile.wait()


def test_everything_killed_at_once_comes_back(fragile):
    _sign_up(fragile, "all@quayside.example")
    for fragment in (
        "postgres",
        "valkey-server",
        "gunicorn",
        "celery -A console worker",
        "celery -A console beat",
    ):
        fragile.kill(fragment)
    time.sleep(1)
    fragile.wait()
    _arrives_once(fragile, "all@quayside.example")


def test_phone_code_arrives_once_when_the_worker_is_killed(fragile, browser):
    context = browser.new_context(base_url=fragile.url)
    page = context.new_page()
    page.set_default_timeout(15_000)
    steps.sign_up(page, Watch(page), fragile, "code@quayside.example")
    page.locator("[name=country]").select_option("NL")
    page.locator("[name=number]").fill("612340009")
    fragile.kill("celery -A console worker")
    page.locator("main form button[type=submit]").first.click()
    page.locator("[name=code]").wait_for()
    _arrives_once(fragile, "+31612340009")
    context.close()


def test_pages_work_while_valkey_is_gone(fragile):
    for pid in fragile.pids("valkey-server"):
        os.kill(pid, signal.SIGSTOP)
    try:
        _sign_up(fragile, "frozen@quayside.example")
        assert fragile.get("/healthz/live")["status"] == "up"
    finally:
        for pid in fragile.pids("valkey-server"):
            os.kill(pid, signal.SIGCONT)
    _arrives_once(fragile, "frozen@quayside.example")
