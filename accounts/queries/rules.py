"""Look up what staff allow and block, and judge the network a person comes from."""

from collections.abc import Iterator
from datetime import datetime
from ipaddress import ip_network

from accounts.models import EmailDomainRule, NetworkRule, PhonePrefixRule
from console.core.addresses import Address, Network, network_of, parse_address
from console.core.geo import NetworkKind, classify

ALLOW, BLOCK = EmailDomainRule.Verdict.ALLOW, EmailDomainRule.Verdict.BLOCK
REFUSED_KINDS = {NetworkKind.VPN, NetworkKind.PROXY, NetworkKind.TOR, NetworkKind.HOSTING}
BLOCKED = "blocked"


def domain_rules() -> tuple[set[str], set[str]]:
    """Return the domains that staff allow and those they block."""
    rules = EmailDomainRule.objects.values_list("domain", "verdict")
    return {name for name, verdict in rules if verdict == ALLOW}, {
        name for name, verdict in rules if verdict == BLOCK
    }


def blocked_prefixes() -> list[str]:
    """Return the beginnings of numbers to which no code goes."""
    return list(PhonePrefixRule.objects.values_list("prefix", flat=True))


def refused_network(ip: str | None, *, now: datetime) -> str | None:
    """Return why nobody may open an account from the address, or None when they may.

    The reason is ``blocked`` or the kind of network. A rule of staff wins over the database; the narrowest
    rule wins over wider ones. An address of which nothing is known is let in.
    """
    address = parse_address(ip or "")
    if address is None:
        return None
    verdict = _verdict_of_staff(address)
    if verdict is not None:
        return BLOCKED if verdict == BLOCK else None
    kind = classify(address, now=now)
    return kind.value if kind in REFUSED_KINDS else None


def network_key(ip: str | None) -> str:
    """Return the /24 or /48 around the address, under which tries from it are counted."""
    address = parse_address(ip or "")
    return str(network_of(address)) if address else "unknown"


def _verdict_of_staff(address: Address) -> str | None:
    found = sorted(_rules_for(address), key=lambda rule: (rule[0].prefixlen, rule[1] == BLOCK))
    return found[-1][1] if found else None


def _rules_for(address: Address) -> Iterator[tuple[Network, str]]:
    for text, verdict in NetworkRule.objects.values_list("network", "verdict"):
        network = ip_network(text)
        if address in network:
            yield network, verdict
