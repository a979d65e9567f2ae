"""A running console, its dev inbox, and a real browser that watches every page."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE *.localhost , EXCLUDE 127.0.0.1",
]
_WAIT = 30.0
_LANES = 2
_LONGEST_SECONDS = 540
_LONGEST = "test_pages.py"  # it walks every page, in a lane of its own
_SETTLED = """() => Promise.all(document.getAnimations()
  .filter((each) => each.effect.getComputedTiming().endTime !== Infinity)
  .map((each) => each.finished.catch(() => null)))"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the journeys in a few lanes: those of a lane share one running console."""
    files = sorted({item.path.name for item in items if "journeys" in item.path.parts} - {_LONGEST})
    lanes = {name: turn % _LANES for turn, name in enumerate(files)} | {_LONGEST: _LANES}
    for item in items:
        if "journeys" in item.path.parts:
            item.add_marker(pytest.mark.journey)
            # The first of a lane waits for its console too.
            item.add_marker(pytest.mark.timeout(_LONGEST_SECONDS), append=False)
            item.add_marker(pytest.mark.xdist_group(f"journeys-{lanes[item.path.name]}"))


class Console:
    """The whole stack as ``make run`` starts it, in a folder of its own."""

    def __init__(self, var: Path, command: str = "run", **environment: str) -> None:
        self.var = var
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = kept | {
            "VAR": str(var),
            "HOST": "localhost",
            "PORT": str(self.port),
            "CONSOLE_LEASE_SECONDS": "4",
            "RESEND_SECONDS": "1",
            **environment,
        }
        argv = [sys.executable, "-m", "console.stack", command]
        self.log = (var / "stack.out").open("wb")
        self.process = subprocess.Popen(
            argv, cwd=ROOT, env=self.environment, stdout=self.log, stderr=self.log
        )

    def wait(self, seconds: float = 300) -> None:
        """Wait until the console answers and its worker lives."""
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            if self.process.poll() is not None:
                break
            try:
                if self.get("/healthz/ready")["status"] == "up":
                    return
            except OSError:
                pass
            time.sleep(0.3)
        raise AssertionError((self.var / "stack.out").read_text()[-4000:])

    def get(self, path: str) -> Any:
        """Return the JSON of an address."""
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return json.load(answer)

    def pids(self, fragment: str) -> list[int]:
        """Return the processes of this console whose command line holds the text."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    home = (entry / "environ").read_bytes()
                except OSError:
                    continue
                if fragment in line and (f"VAR={self.var}".encode() in home or str(self.var) in line):
                    found.append(int(entry.name))
        return found

    def kill(self, fragment: str) -> None:
        """End processes as a power cut would."""
        for pid in self.pids(fragment):
            os.kill(pid, signal.SIGKILL)

    def stop(self) -> int:
        """Ask the stack to stop, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(40)
        self.log.close()
        return code

    def messages(self, to: str) -> list[dict[str, Any]]:
        """Return what was sent to the address or number, newest first."""
        return [row for row in self.get("/dev/inbox.json") if row["to"] == to]

    def newest(self, to: str, *, subject: str = "", after: int = 0, channel: str = "") -> dict[str, Any]:
        """Wait for a message, and return the newest one that fits; ``after`` are known already."""
        ends_at = time.monotonic() + _WAIT
        while time.monotonic() < ends_at:
            rows = [
                row
                for row in self.messages(to)
                if subject.lower() in row["subject"].lower() and (not channel or row["channel"] == channel)
            ]
            if len(rows) > after:
                return rows[0]
            time.sleep(0.2)
        raise AssertionError(f"No message for {to} about {subject!r}: {self.messages(to)}")


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """Return a running console with two sample accounts."""
    var = tmp_path_factory.mktemp("console")
    for folder in (var, var.parent, var.parent.parent):
        folder.chmod(0o755)
    running = Console(var, "demo")
    try:
        running.wait()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def demo(console: Console) -> dict[str, Any]:
    """Return what ``demo.json`` says."""
    return json.loads((console.var / "demo.json").read_text())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a headless Chromium of the system; it ends with the file, because its event loop disturbs Django's tests."""
    path = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    assert path, "The journeys need Chromium: install it with your system's package manager."
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield chromium
        chromium.close()


class Watch:
    """What a browser complained about while a journey ran."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(f"script error: {error}"))

    def _note(self, message: Any) -> None:
        text = message.text
        if message.type == "error" and not re.search(r"status of 4(03|04|05|09|10|22|29)", text):
            self.complaints.append(text)

    def check(self) -> None:
        """Fail when axe finds something on the page, or the browser complained."""
        self.page.wait_for_load_state()
        # A dialog that fades in has less contrast for a moment.
        self.page.evaluate(_SETTLED)
        found = Axe().run(self.page).response["violations"]
        lines = [f"{rule['id']}: {[node['html'][:120] for node in rule['nodes'][:2]]}" for rule in found]
        assert lines == [], f"{self.page.url}: {lines}"
        assert self.complaints == [], f"{self.page.url}: {self.complaints}"
        assert " · " in self.page.title()


@pytest.fixture
def context(browser: Browser, console: Console) -> Iterator[BrowserContext]:
    """Return a fresh browser profile."""
    fresh = browser.new_context(base_url=console.url, viewport={"width": 1440, "height": 900})
    fresh.set_default_timeout(15_000)
    yield fresh
    fresh.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """Return a tab."""
    return context.new_page()


@pytest.fixture
def watch(page: Page) -> Watch:
    """Watch the tab."""
    return Watch(page)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Keep a picture of the tab in ``var/journeys/`` when a journey fails."""
    report = yield
    tab = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and tab is not None and not tab.is_closed():
        folder = ROOT / "var" / "journeys"
        folder.mkdir(parents=True, exist_ok=True)
        tab.screenshot(path=str(folder / f"{item.name}.png"), full_page=True)
    return report
