# ruff: noqa: INP001 - a script, not a package
"""Ask the web server of this container whether it lives; the exit code is the answer."""

import http.client
import os
import sys


def is_live() -> bool:
    """Say whether /healthz/live answers 200 under the first allowed host name."""
    host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip()
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "8000")), timeout=4)
    connection.request("GET", "/healthz/live", headers={"Host": host})
    return connection.getresponse().status == http.client.OK


if __name__ == "__main__":
    sys.exit(0 if is_live() else 1)
