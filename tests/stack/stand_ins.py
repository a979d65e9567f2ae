"""Run a supervisor over stand-in services: ``python stand_ins.py VAR PORT``."""

import os
import sys
from pathlib import Path

from console.stack.plan import Plan, Service, Step
from console.stack.supervisor import Options, Stack

WEB = """
import http.server, os
class Live(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *arguments): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Live).serve_forever()
"""
WAIT = "import signal, time; time.sleep(3600)"


def plan() -> Plan:
    services = tuple(
        Service(name, (sys.executable, "-c", code))
        for name, code in (("web", WEB), ("beat", WAIT), ("worker", WAIT))
    )
    return Plan((Step("prepare", (sys.executable, "-c", "pass")),), services)


if __name__ == "__main__":
    options = Options("127.0.0.1", int(sys.argv[2]), Path(sys.argv[1]))
    sys.exit(Stack(options, plan(), os.environ).run())
