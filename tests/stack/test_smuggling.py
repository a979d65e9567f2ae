"""Raw bytes at gunicorn: where a message ends is never in doubt, and what is doubtful closes the connection.

ASVS 4.2.1. A request that a proxy and the server cut differently would let one visitor's bytes become another's
request; so each is answered with 400, or closed, and nothing that follows on the connection is answered.
"""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.stack.process import find_free_port

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]
ROOT = Path(__file__).resolve().parents[2]
SECOND = b"GET /healthz/live HTTP/1.1\r\nHost: localhost\r\nX-Second: yes\r\n\r\n"
NOT_IMPLEMENTED = 501
_PATIENCE = 4
HEAD = b"POST /sign-out/ HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = find_free_port()
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_WORKERS": "1",
        "VAR": str(tmp_path_factory.mktemp("smuggling")),
    }
    argv = [sys.executable, "-m", "gunicorn", "console.wsgi:application", "-c", "console/stack/gunicorn.py"]
    server = subprocess.Popen(argv, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        _wait(server, port)
        yield port
    finally:
        server.terminate()
        server.wait(20)


def _wait(server: subprocess.Popen, port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if b" 200 " in exchange(port, SECOND):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("gunicorn did not start")


def exchange(port: int, *pieces: bytes, quiet: float = 0.7, is_over: bool = False) -> bytes:
    """Send one piece after the other on one connection, and return everything that comes back."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        for piece in pieces:
            try:
                connection.sendall(piece)
                if is_over:
                    connection.shutdown(socket.SHUT_WR)
                answer += _read(connection, quiet)
            except (BrokenPipeError, ConnectionResetError):
                break
    return answer


def _read(connection: socket.socket, quiet: float) -> bytes:
    """Read until the other side closes, or has said something and then nothing for a while."""
    connection.settimeout(_PATIENCE)
    found = b""
    try:
        while piece := connection.recv(65536):
            connection.settimeout(quiet)
            found += piece
    except TimeoutError:
        pass
    return found


def statuses(answer: bytes) -> list[int]:
    """Return the status of each answer on the connection."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]


def test_two_sound_requests_on_one_connection_get_two_answers(port):
    assert statuses(exchange(port, SECOND, SECOND)) == [200, 200]


AMBIGUOUS = {
    "length and chunks": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
    "two lengths that agree": HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\na=b",
    "two lengths in one line": HEAD + b"Content-Length: 0, 44\r\n\r\n",
    "signed length": HEAD + b"Content-Length: +3\r\n\r\na=b",
    "negative length": HEAD + b"Content-Length: -1\r\n\r\n",
    "length in hexadecimal": HEAD + b"Content-Length: 0x3\r\n\r\na=b",
    "length with an underscore": HEAD + b"Content-Length: 1_0\r\n\r\na=bcdefghi",
    "unknown coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked not last": HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"POST /sign-out/ HTTP/1.0\r\nHost: localhost\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before the colon": HEAD + b"Content-Length : 5\r\n\r\na=bcd",
    "space before chunked's colon": HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "folded header": HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "header with a NUL": HEAD + b"X-Thing: a\x00b\r\n\r\n",
    "header with a bare CR": HEAD + b"X-Thing: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "header that ends in a bare LF": HEAD + b"X-Thing: a\nContent-Length: 44\r\n\r\n",
    "only bare LFs": b"POST /sign-out/ HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n",
    "chunk size with a sign": HEAD + b"Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n",
    "chunk size in words": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "chunk with an underscore": HEAD + b"Transfer-Encoding: chunked\r\n\r\n0_3\r\na=b\r\n0\r\n\r\n",
    "chunk longer than it says": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\na=bcdef\r\n0\r\n\r\n",
    "two hosts": b"GET /healthz/live HTTP/1.1\r\nHost: localhost\r\nHost: elsewhere.example\r\n\r\n",
    "no version": b"GET /healthz/live\r\n\r\n",
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_doubtful_message_is_refused_and_nothing_after_it_is_a_request(port, name):
    found = statuses(exchange(port, AMBIGUOUS[name] + SECOND, SECOND))
    # The application may refuse a form before its broken chunks are read; the request behind it is never answered.
    assert all(400 <= status < 500 or status == NOT_IMPLEMENTED for status in found), found


def test_header_in_disguise_is_no_header(port):
    """A name with an underscore would become the same variable as the real one; gunicorn drops it."""
    asked = b"GET /sign-in/ HTTP/1.1\r\nHost: localhost\r\nX_Forwarded_Proto: https\r\n\r\n"
    assert b"strict-transport-security" not in exchange(port, asked).lower()


def test_body_that_ends_early_is_answered_with_no_second_request(port):
    found = statuses(exchange(port, HEAD + b"Content-Length: 400\r\n\r\na=b" + SECOND, is_over=True))
    assert len(found) <= 1


def test_server_goes_on_after_all_of_it(port):
    assert statuses(exchange(port, SECOND)) == [200]
