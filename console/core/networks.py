"""Bring a network that somebody typed into its one form, or say what is wrong with it."""

import ipaddress
import re
from collections.abc import Iterable
from ipaddress import IPv6Network

from console.core.addresses import Address, Network, unwrap
from console.core.errors import DomainError

WIDEST = {4: 8, 6: 16}
_LONGEST = 64
_EXAMPLE = "Enter an address or a range, like 203.0.113.7 or 203.0.113.0/24."
_LEADING_ZERO = re.compile(r"(?<![0-9a-fA-F:.])0+(?=\d)|(?<=\.)0+(?=\d)")
_CHARACTERS = re.compile(r"[0-9a-fA-F:.]+")
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


class NetworkRefused(DomainError):
    """What was typed is no network that the list takes; ``suggestion`` is what may have been meant."""

    code = "network"
    field = "network"

    def __init__(self, message: str, *, code: str, suggestion: str = "") -> None:
        asks = f" Did you mean {suggestion}?" if suggestion else ""
        super().__init__(message + asks, code=code)
        self.suggestion = suggestion


def parse_network(text: str) -> Network:
    """Return the network in its one form: IPv4-mapped addresses unwrapped, no host bits, not too wide.

    :raises NetworkRefused: with a message that says what to change
    """
    text = text.strip(" \t\r\n")
    _refuse_zone(text)
    place, slash, length = text.partition("/")
    address = _address(place, f"{slash}{length}")
    bits = _length(length, slash, address)
    network = _unwrapped(address, bits)
    _refuse_wide(network)
    _refuse_host_bits(unwrap(address), network)
    return network


def _refuse_zone(text: str) -> None:
    if not text or len(text) > _LONGEST:
        raise NetworkRefused(_EXAMPLE, code="network")
    if "%" in text:
        place, _, rest = text.partition("%")
        _, slash, length = rest.partition("/")
        raise NetworkRefused(
            "A zone, like %eth0, means something on one machine only.",
            code="zone",
            suggestion=_known(f"{place}{slash}{length}"),
        )


def _known(text: str) -> str:
    """Return the text in its one form, if it is a network."""
    try:
        return str(parse_network(text))
    except NetworkRefused:
        return ""


def _address(place: str, rest: str) -> Address:
    if not _CHARACTERS.fullmatch(place):
        raise NetworkRefused(_EXAMPLE, code="network")
    if "." in place and _LEADING_ZERO.search(place.rpartition(":")[2]):
        head, colon, last = place.rpartition(":")
        meant = f"{head}{colon}{_LEADING_ZERO.sub('', last)}{rest}"
        raise NetworkRefused(
            "Leading zeros are read as octal by some programs.",
            code="leading_zeros",
            suggestion=_known(meant),
        )
    try:
        return ipaddress.ip_address(place)
    except ValueError as error:
        raise NetworkRefused(_EXAMPLE, code="network") from error


def _length(length: str, slash: str, address: Address) -> int:
    if not slash:
        return address.max_prefixlen
    if not re.fullmatch(r"\d{1,3}", length, re.ASCII):
        raise NetworkRefused("Write the length of the range as a number, like /24.", code="length")
    if len(length) > 1 and length.startswith("0"):
        meant = _known(f"{address}/{int(length)}")
        raise NetworkRefused("A length has no leading zeros.", code="leading_zeros", suggestion=meant)
    if int(length) > address.max_prefixlen:
        raise NetworkRefused(
            f"The length of an IPv{address.version} range is /{address.max_prefixlen} at most.", code="length"
        )
    return int(length)


def _unwrapped(address: Address, bits: int) -> Network:
    network = ipaddress.ip_network((address, bits), strict=False)
    if isinstance(network, IPv6Network) and network.overlaps(_MAPPED):
        if bits < _MAPPED.prefixlen:
            raise NetworkRefused("This range holds every IPv4 address.", code="wide")
        return ipaddress.ip_network((unwrap(address), bits - _MAPPED.prefixlen), strict=False)
    return network


def _refuse_wide(network: Network) -> None:
    widest = WIDEST[network.version]
    if network.prefixlen == 0:
        raise NetworkRefused(f"{network} would let every address in.", code="wide")
    if network.prefixlen < widest:
        raise NetworkRefused(
            f"{network} is too wide. An IPv{network.version} range is /{widest} at the widest.", code="wide"
        )


def _refuse_host_bits(address: Address, network: Network) -> None:
    if address != network.network_address:
        raise NetworkRefused(
            f"{address}/{network.prefixlen} has host bits set.", code="host_bits", suggestion=str(network)
        )


def covering(network: Network, others: Iterable[Network]) -> list[Network]:
    """Return the wider networks that hold the whole of this one, widest first."""
    return sorted((each for each in others if each != network and _holds(each, network)), key=_width)


def covered(network: Network, others: Iterable[Network]) -> list[Network]:
    """Return the narrower networks that this one holds, widest first."""
    return sorted((each for each in others if each != network and _holds(network, each)), key=_width)


def _holds(outer: Network, inner: Network) -> bool:
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def _width(network: Network) -> int:
    return network.prefixlen
