"""Call hosts that customers name, and nothing else behind their back: the only user of requests-hardened.

requests-hardened refuses private addresses and dials the address it looked at. This module adds what it leaves
open: https and usual ports only, names only (no address in any spelling), one look-up whose every answer must be
public, ranges that carry IPv4 inside IPv6, metadata services on public addresses, no proxies or ``.netrc`` of the
environment, and a deadline for the whole call that a dripping server cannot stretch.
"""

import socket
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock, Timer
from typing import Any, Self

import requests
from django.conf import settings
from requests_hardened import Config, HTTPSession  # noqa: TID251 - the one importer
from requests_hardened.ip_filter import InvalidIPAddress  # noqa: TID251 - the one importer
from requests_hardened.ip_filter_adapter import IPFilterAdapter  # noqa: TID251 - the one importer
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool

from console.core.addresses import Address, unwrap
from console.core.outbound_rules import (
    PORTS,
    OutboundError,
    OutboundRefused,
    Resolver,
    Target,
    is_public,
    parse_target,
    resolve,
)

_CONNECT_SECONDS, _TOTAL_SECONDS = 3.0, 5.0
_PIECE = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said. ``body`` is empty unless the caller asked for some of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    milliseconds: int


class _Alarm:
    """Cut the connection of one call when its time is over."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._lock, self._sockets = Lock(), list[socket.socket]()
        self._timer = Timer(max(seconds, 0), self._ring)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for copy in self._sockets:
                copy.close()
            self._sockets.clear()

    def watch(self, connection: socket.socket) -> None:
        """Remember the connection by a handle of its own, which TLS does not take over."""
        copy = connection.dup()
        with self._lock:
            self._sockets.append(copy)
            if self.is_over:
                copy.shutdown(socket.SHUT_RDWR)

    def _ring(self) -> None:
        with self._lock:
            self.is_over = True
            for copy in self._sockets:
                try:
                    copy.shutdown(socket.SHUT_RDWR)
                except OSError:  # the other side was faster
                    continue


_alarm: ContextVar[_Alarm] = ContextVar("outbound_alarm")


class _Connection(HTTPSConnection):
    """A connection that ends with its call, whatever the other side does in between."""

    def _new_conn(self) -> socket.socket:
        connection = super()._new_conn()
        _alarm.get().watch(connection)
        return connection


class _Pool(HTTPSConnectionPool):
    """A pool of such connections."""

    ConnectionCls = _Connection


class _Adapter(IPFilterAdapter):
    """Dial the address that was checked, and ask for the host that was named.

    The URL names the address, so requests-hardened looks at it a second time and pins it. Host header, SNI and
    the certificate's name are those of the target.
    """

    def __init__(self, target: Target, *, allow_loopback: bool) -> None:
        super().__init__(is_https_proto=True, allow_loopback=allow_loopback)
        self._target = target
        self.poolmanager.pool_classes_by_scheme = {"https": _Pool}

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """Return what the connection is made of."""
        where, how = super().build_connection_pool_key_attributes(request, verify, cert)
        request.headers["Host"] = self._target.authority
        how["server_hostname"] = how["assert_hostname"] = self._target.host
        return where, how


@dataclass(frozen=True, slots=True)
class Outbound:
    """The guarded client. Its fields exist for tests: no setting loosens the guard."""

    resolver: Resolver = resolve
    allow_loopback: bool = False
    ports: frozenset[int] | None = PORTS
    authorities: str | bool = True
    connect_seconds: float = _CONNECT_SECONDS
    total_seconds: float = _TOTAL_SECONDS

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", limit: int = 0
    ) -> Answer:
        """Make one call and return the answer, redirects included; ``limit`` is how much body to read.

        :raises OutboundRefused: if the guard refuses the address, or the body is longer than ``limit``
        :raises OutboundError: if the other side cannot be reached, or does not answer in time
        """
        started = time.monotonic()
        target = parse_target(url, ports=self.ports)
        address = self._find(target.host)
        left = self.total_seconds - (time.monotonic() - started)
        with _Alarm(left) as alarm:
            token = _alarm.set(alarm)
            try:
                status, answered, content = self._call(method, target, address, headers, body, limit)
            except (requests.RequestException, OSError) as error:
                raise _explain(error, is_over=alarm.is_over) from error
            finally:
                _alarm.reset(token)
            if alarm.is_over:
                raise _explain(TimeoutError(), is_over=True)
        return Answer(status, answered, content, round((time.monotonic() - started) * 1000))

    def _find(self, host: str) -> Address:
        """Look the name up once; the address returned is the one that is dialled."""
        addresses = [unwrap(address) for address in self.resolver(host)]
        if not addresses:
            raise OutboundError("The host name has no address.", code="name")
        for address in addresses:
            if not (is_public(address) or (self.allow_loopback and address.is_loopback)):
                raise OutboundRefused("The host name leads to an address inside a network.", code="address")
        return min(addresses, key=lambda address: address.version)

    def _call(
        self,
        method: str,
        target: Target,
        address: Address,
        headers: Mapping[str, str],
        body: bytes,
        limit: int,
    ) -> tuple[int, Mapping[str, str], bytes]:
        host = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - IP versions are names
        sent = {"Accept-Encoding": "identity", "Connection": "close", "User-Agent": _agent()} | dict(headers)
        with self._session(target) as session:
            response = session.request(
                method,
                f"https://{host}:{target.port}{target.path}",
                data=body or None,
                headers=sent,
                timeout=(self.connect_seconds, self.total_seconds),
                verify=self.authorities,
                stream=True,
            )
            with response:
                return response.status_code, dict(response.headers), _read(response, limit)

    def _session(self, target: Target) -> HTTPSession:
        config = Config(
            ip_filter_enable=True,
            ip_filter_allow_loopback_ips=self.allow_loopback,
            never_redirect=True,
            default_timeout=(self.connect_seconds, self.total_seconds),
        )
        session = HTTPSession(config)
        session.trust_env = False
        session.adapters.clear()
        session.mount("https://", _Adapter(target, allow_loopback=self.allow_loopback))
        return session


def _agent() -> str:
    return f"{settings.SITE_NAME}-Webhooks/1"


def _read(response: requests.Response, limit: int) -> bytes:
    content = b""
    while limit and (piece := response.raw.read(_PIECE, decode_content=False)):
        content += piece
        if len(content) > limit:
            raise OutboundRefused(f"The answer is longer than {limit} bytes.", code="long")
    return content


def _explain(error: Exception, *, is_over: bool) -> OutboundError:
    if isinstance(error, InvalidIPAddress):
        return OutboundRefused("The host name leads to an address inside a network.", code="address")
    if is_over or isinstance(error, requests.Timeout | TimeoutError):
        return OutboundError("The server did not answer in time.", code="timeout")
    if isinstance(error, requests.exceptions.SSLError):
        return OutboundError("The certificate is not valid for this name.", code="tls")
    return OutboundError("The server could not be reached.", code="connection")
