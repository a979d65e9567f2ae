"""Say which addresses of customers' servers the console may call (OWASP ASVS 5.0 1.3.6)."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import dns.exception
import dns.resolver
import idna
from django.conf import settings

from console.core.addresses import Address, Network, unwrap
from console.core.errors import DomainError

LONGEST_URL = 500
_HTTPS = 443
PORTS = frozenset({_HTTPS, 8443})
_LOOKUP_SECONDS = 2.0
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST_NAME = 253
# Names that never leave a network (RFC 6761, RFC 6762, RFC 8375, ICANN's .internal).
_LOCAL_NAMES = frozenset({"localhost", "local", "internal", "arpa", "onion", "lan", "home", "corp", "test"})
# What ``ipaddress`` calls neither private nor reserved, or only in some versions of Python.
_BLOCKED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, and Alibaba's metadata
        "168.63.129.16/32",  # Azure's metadata and DNS, on a public address
        "192.0.0.0/24",  # protocol assignments, and Oracle's metadata
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",
        "2001::/23",  # Teredo, ORCHID and other protocols: they carry or hide an address
        "2001:db8::/32",
        "2002::/16",  # 6to4: carries an IPv4 address
        "3fff::/20",
    )
)
# Everything public in IPv6 is in here: no mapped, translated (64:ff9b::), unique local or site-local address.
_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")

Resolver = Callable[[str], list[Address]]


class OutboundError(DomainError):
    """The call was refused or failed; ``code`` is one word for tables, the message says it in words."""

    code = "connection"


class OutboundRefused(OutboundError):
    """The guard refused the address, and nothing was sent."""

    code = "refused"
    field = "url"


@dataclass(frozen=True, slots=True)
class Target:
    """A checked address: an ASCII host name, a port, and what is asked for there."""

    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Return the value of the Host header."""
        return self.host if self.port == _HTTPS else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"https://{self.authority}{self.path}"


# --- The address as text ---------------------------------------------------------------------


def parse_target(url: str, *, ports: frozenset[int] | None = PORTS) -> Target:
    """Read the address of a customer's server; ``ports`` are those allowed, or None for every port.

    :raises OutboundRefused: if it is not plain https with a public host name
    """
    if not 0 < len(url) <= LONGEST_URL or not all(map(_is_plain, url)):
        raise OutboundRefused(
            f"Enter an address of at most {LONGEST_URL} characters, without spaces and invisible ones.",
            code="url",
        )
    try:
        parts = urlsplit(url)
        port = _HTTPS if parts.port is None else parts.port
    except ValueError as error:
        raise OutboundRefused("This is not a web address.", code="url") from error
    _check_parts(parts)
    if ports is not None and port not in ports:
        raise OutboundRefused("Use port 443 or 8443.", code="port")
    path = parts.path or "/"
    return Target(_read_host(parts.hostname or ""), port, f"{path}?{parts.query}" if parts.query else path)


def _is_plain(character: str) -> bool:
    """Say whether the character may stand in an address: no space, control, direction mark or backslash."""
    return (" " < character < "\x7f" and character != "\\") or (character > "\x7f" and character.isalnum())


def _check_parts(parts: SplitResult) -> None:
    if parts.scheme != "https":
        raise OutboundRefused("The address must begin with https://.", code="scheme")
    if "@" in parts.netloc:
        raise OutboundRefused("Leave user name and password out of the address.", code="userinfo")
    if parts.fragment:
        raise OutboundRefused("Leave out what follows the #. It would not be sent.", code="fragment")


def _read_host(host: str) -> str:
    """Return the name in ASCII, without its last dot."""
    try:
        name = idna.encode(host.removesuffix("."), uts46=True).decode().lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise OutboundRefused("This is not a host name.", code="host") from error
    labels = name.split(".")
    if len(name) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise OutboundRefused("This is not a host name.", code="host")
    if _is_number(labels[-1]):
        raise OutboundRefused("Use a host name, not an IP address.", code="host")
    if len(labels) == 1 or labels[-1] in _LOCAL_NAMES or name == _own_host():
        raise OutboundRefused("Use a host name that the internet knows.", code="host")
    return name


def _is_number(label: str) -> bool:
    """Say whether a resolver would read the name as an IPv4 address: 127.1, 017700000001, 0x7f000001."""
    return label.isdigit() or re.fullmatch(r"0x[0-9a-f]*", label) is not None


def _own_host() -> str:
    return urlsplit(settings.BASE_URL).hostname or ""


# --- The address as a number -----------------------------------------------------------------


def is_public(address: Address) -> bool:
    """Say whether the address belongs to the internet, and to nobody's inside."""
    address = unwrap(address)
    if address.version == 6 and address not in _GLOBAL_IPV6:  # noqa: PLR2004 - IP versions are names
        return False
    if address.is_private or address.is_multicast or address.is_reserved or address.is_link_local:
        return False
    return not any(address in network for network in _BLOCKED)


def resolve(host: str) -> list[Address]:
    """Ask the DNS for the addresses of a name: never a hosts file, never a search domain.

    :raises OutboundError: if the name has none
    """
    try:
        resolver = dns.resolver.Resolver()
        answers = resolver.resolve_name(f"{host}.", lifetime=_LOOKUP_SECONDS, search=False)
    except (dns.exception.DNSException, OSError) as error:
        raise OutboundError("The host name has no address.", code="name") from error
    return [ipaddress.ip_address(text) for text in answers.addresses()]
