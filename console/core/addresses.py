"""Find the client behind the proxies this installation trusts."""

import ipaddress
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# The longest spelling of an IPv6 address (with an embedded IPv4 part) has 45 characters.
LONGEST_ADDRESS = 45
BUCKET_PREFIXES = {4: 24, 6: 48}


def parse_address(text: str) -> Address | None:
    """Read one bare IP address; ports, brackets, zone ids and garbage give None."""
    text = text.strip(" \t")
    if not text or len(text) > LONGEST_ADDRESS or "%" in text:
        return None
    try:
        return unwrap(ipaddress.ip_address(text))
    except ValueError:
        return None


def unwrap(address: Address) -> Address:
    """Return the IPv4 address inside an IPv4-mapped IPv6 one."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def client_address(meta: Mapping[str, object], *, trusted_proxies: int) -> Address | None:
    """Return the address that the outermost trusted proxy saw, or None when it can't be known.

    With no trusted proxy it is the peer of the socket. Otherwise each proxy has appended one entry to
    ``X-Forwarded-For``, so the client is that many entries from the right; what stands left of it was
    written by the client and proves nothing. ``Forwarded`` and ``X-Real-IP`` are not read.
    """
    if trusted_proxies == 0:
        return parse_address(str(meta.get("REMOTE_ADDR", "")))
    hops = _hops(meta, "HTTP_X_FORWARDED_FOR", trusted_proxies)
    return parse_address(hops[0]) if len(hops) == trusted_proxies else None


def client_scheme(meta: Mapping[str, object], *, trusted_proxies: int) -> str:
    """Return ``https`` or ``http``, as the outermost trusted proxy saw it.

    Proxies either append to ``X-Forwarded-Proto`` like to ``X-Forwarded-For``, or each sets one value.
    Anything else counts as ``http``.
    """
    if trusted_proxies == 0:
        scheme = str(meta.get("wsgi.url_scheme", "http"))
    else:
        hops = _hops(meta, "HTTP_X_FORWARDED_PROTO", trusted_proxies)
        scheme = hops[0] if len(hops) in {1, trusted_proxies} else ""
    return "https" if scheme.strip(" \t").lower() == "https" else "http"


def network_of(address: Address) -> Network:
    """Return the /24 or /48 around the address, the unit of rate limits by network."""
    address = unwrap(address)
    return ipaddress.ip_network((address, BUCKET_PREFIXES[address.version]), strict=False)


def _hops(meta: Mapping[str, object], header: str, count: int) -> list[str]:
    if count < 0:
        raise ValueError("trusted_proxies must be zero or more.")
    # Splitting from the right keeps the work constant however long the client's own part is.
    return str(meta.get(header, "")).rsplit(",", count)[-count:]
