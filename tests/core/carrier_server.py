"""Play a carrier's HTTP API on loopback and note what arrives."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class CarrierServer:
    """What was asked, and what to answer: a status and a body, or silence."""

    url: str = ""
    status: int = 202
    answer: dict[str, Any] | str = field(default_factory=dict)
    silent: threading.Event | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def last(self) -> dict[str, Any]:
        """Return the newest request."""
        return self.requests[-1]


@contextmanager
def carrier_server() -> Iterator[CarrierServer]:
    """Run the server until the block ends."""
    carrier = CarrierServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            scheme, _, credentials = self.headers["Authorization"].partition(" ")
            login = base64.b64decode(credentials).decode()
            carrier.requests.append({"path": self.path, "scheme": scheme, "login": login, "body": body})
            if carrier.silent is not None:
                carrier.silent.wait(20)
                return
            content = carrier.answer if isinstance(carrier.answer, str) else json.dumps(carrier.answer)
            self.send_response(carrier.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    carrier.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield carrier
    finally:
        if carrier.silent is not None:
            carrier.silent.set()
        server.shutdown()
        server.server_close()
