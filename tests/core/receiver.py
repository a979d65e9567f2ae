"""Play a customer's HTTPS server on loopback, with a certificate of an authority of its own."""

import datetime as dt
import ipaddress
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from console.core.outbound import Outbound

HOST = "hooks.halyard.example"
LOOPBACK = ipaddress.ip_address("127.0.0.1")


@dataclass
class Receiver:
    """What arrived, and how to answer: a status with headers, or a deed of the test's own."""

    port: int = 0
    authorities: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"thanks"
    act: Callable[[BaseHTTPRequestHandler], None] | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)
    running: int = 0
    most_at_once: int = 0

    @property
    def url(self) -> str:
        """Return the address by which customers would name it."""
        return f"https://{HOST}:{self.port}/hooks?from=console"

    def client(self, resolver: Any = None, **fields: Any) -> Outbound:
        """Return a guarded client that trusts the authority and may reach loopback."""
        values = {"resolver": resolver or (lambda host: [LOOPBACK]), "allow_loopback": True, "ports": None}
        return Outbound(**(values | {"authorities": self.authorities} | fields))


def _sign(name, subject_key, *, issuer=None, issuer_key=None):
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(subject_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(subject_key.public_key()), critical=False)
    )
    signer = issuer_key or subject_key
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = builder.add_extension(authority, critical=False)
    if issuer:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    else:
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(signer, hashes.SHA256())


def _context(folder: Path, name: str) -> tuple[ssl.SSLContext, str]:
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _sign("Test authority", authority_key)
    leaf = _sign(name, key, issuer=authority, issuer_key=authority_key)
    pem = serialization.Encoding.PEM
    (folder / "authority.pem").write_bytes(authority.public_bytes(pem))
    private = key.private_bytes(
        pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(leaf.public_bytes(pem) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context, str(folder / "authority.pem")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Stay silent: clients that hang up are what some tests are about."""


@contextmanager
def receiver(folder: Path, *, name: str = HOST) -> Iterator[Receiver]:
    """Run the server until the block ends."""
    customer, lock = Receiver(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                customer.running += 1
                customer.most_at_once = max(customer.most_at_once, customer.running)
                customer.calls.append({"path": self.path, "headers": dict(self.headers), "body": body})
            try:
                self._answer()
            finally:
                with lock:
                    customer.running -= 1

        def _answer(self) -> None:
            if customer.act:
                customer.act(self)
                return
            self.send_response(customer.status)
            for header, value in ({"Content-Length": str(len(customer.body))} | customer.headers).items():
                self.send_header(header, value)
            self.end_headers()
            self.wfile.write(customer.body)

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    server = _Server(("127.0.0.1", 0), Handler)
    context, customer.authorities = _context(folder, name)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    customer.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield customer
    finally:
        server.shutdown()
        server.server_close()


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Send a header byte by byte, for ever."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(400):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


def endless(handler: BaseHTTPRequestHandler) -> None:
    """Answer with a body that does not end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        handler.wfile.write(b"x" * 65_536)
