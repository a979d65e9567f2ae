"""Use the fake of Stripe in tests: one server a process, emptied for each test, with faults in between."""

import atexit
import json
import shutil
import tempfile
import threading
from contextlib import contextmanager
from functools import cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests

from console.stack.servers import StripeServer

CARD = {"exp_month": 12, "exp_year": 2034, "cvc": "123"}
DECLINED, ASKS_BANK = "4000000000000341", "4000002500003155"


@cache
def server():
    """Start the fake once for this process."""
    home = Path(tempfile.mkdtemp(prefix="console-stripe-"))
    made = StripeServer(home)
    made.start()
    atexit.register(lambda: (made.kill(), shutil.rmtree(home, ignore_errors=True)))
    return made


class Peer:
    """What a test asks of the fake besides what the console does."""

    def __init__(self, url, key):
        self.url, self.key = url, key

    def post(self, path, **data):
        answer = requests.post(self.url + path, data=urlencode(data), timeout=10, headers=self._headers())
        return answer.json()

    def get(self, path):
        return requests.get(self.url + path, timeout=10, headers=self._headers()).json()

    def _headers(self):
        return {"Authorization": f"Bearer {self.key}", "Content-Type": "application/x-www-form-urlencoded"}

    def charges(self):
        """Return what was really taken."""
        return [row for row in self.get("/v1/charges")["data"] if row["status"] == "succeeded"]

    def method(self, number):
        """Make a card as Stripe's form in the browser does."""
        fields = {f"card[{name}]": value for name, value in {"number": number, **CARD}.items()}
        return self.post("/v1/payment_methods", type="card", **fields)["id"]


class Faults:
    """A proxy before the fake that spoils answers: ``plan`` maps a path's end to what happens, one after another."""

    def __init__(self, target):
        self.target, self.plan, self.asked = target, {}, []

    def next_for(self, path):
        for end, what in self.plan.items():
            if path.endswith(end) and what:
                return what.pop(0)
        return ""


@contextmanager
def faults(settings):
    """Put the proxy between console and fake until the block ends."""
    found = Faults(settings.STRIPE_BASE_URL)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found.asked.append((self.command, self.path, dict(self.headers), body.decode()))
            what = found.next_for(self.path)
            if isinstance(what, tuple):
                return self._send(what[0], json.dumps(what[1]).encode())
            if isinstance(what, int):
                return self._send(what, json.dumps({"error": {"message": "no"}}).encode())
            host = found.target.removeprefix("http://")
            ahead = HTTPConnection(host, timeout=10)
            kept = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            ahead.request(self.command, self.path, body, kept)
            answer = ahead.getresponse()
            content = answer.read()
            ahead.close()
            if what == "cut":
                self.close_connection = True
                return None
            return self._send(answer.status, content)

        do_GET = do_POST = _pass  # noqa: N815 - the base class looks for these names

        def _send(self, status, content):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            """Stay silent."""

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.daemon_threads = True
    threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True).start()
    settings.STRIPE_BASE_URL = f"http://127.0.0.1:{proxy.server_address[1]}"
    try:
        yield found
    finally:
        settings.STRIPE_BASE_URL = found.target
        proxy.shutdown()
        proxy.server_close()


@pytest.fixture
def stripe_peer(settings):
    """Give the console the fake, with nothing in it."""
    made = server()
    for name, value in made.environment.items():
        setattr(settings, name, value)
    requests.delete(f"{made.url}/_config/data", timeout=10)
    return Peer(made.url, settings.STRIPE_SECRET_KEY)
