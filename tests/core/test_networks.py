"""What a network must look like: one form for each, and a message that says what to change."""

import ipaddress

import pytest

from console.core.addresses import parse_address
from console.core.networks import NetworkRefused, covered, covering, parse_network

TAKEN = {
    "203.0.113.7": "203.0.113.7/32",
    " 203.0.113.0/24\n": "203.0.113.0/24",
    "10.0.0.0/8": "10.0.0.0/8",
    "2001:db8::1": "2001:db8::1/128",
    "2001:0DB8:0000::/32": "2001:db8::/32",
    "2000::/16": "2000::/16",
    "::ffff:10.0.0.1": "10.0.0.1/32",
    "::ffff:a00:1": "10.0.0.1/32",
    "::ffff:10.0.0.0/104": "10.0.0.0/8",
}
EXAMPLE = "Enter an address or a range, like 203.0.113.7 or 203.0.113.0/24."
ZEROS = "Leading zeros are read as octal by some programs."
REFUSED = {
    "": ("network", EXAMPLE),
    "office": ("network", EXAMPLE),
    "300.1.1.1": ("network", EXAMPLE),
    "203.0.113.7:443": ("network", EXAMPLE),
    "[2001:db8::1]": ("network", EXAMPLE),
    "203.0.113.7 203.0.113.8": ("network", EXAMPLE),
    "٢٠٣.0.113.7": ("network", EXAMPLE),
    "2001:db8::1" + "0" * 80: ("network", EXAMPLE),
    "198.51.100.17/28": ("host_bits", "198.51.100.17/28 has host bits set. Did you mean 198.51.100.16/28?"),
    "2001:db8::1/64": ("host_bits", "2001:db8::1/64 has host bits set. Did you mean 2001:db8::/64?"),
    "fe80::1%eth0": ("zone", "A zone, like %eth0, means something on one machine only. Did you mean fe80::1/128?"),
    "010.1.2.3": ("leading_zeros", f"{ZEROS} Did you mean 10.1.2.3/32?"),
    "10.1.2.003/32": ("leading_zeros", f"{ZEROS} Did you mean 10.1.2.3/32?"),
    "::ffff:010.0.0.1": ("leading_zeros", f"{ZEROS} Did you mean 10.0.0.1/32?"),
    "10.0.0.0/08": ("leading_zeros", "A length has no leading zeros. Did you mean 10.0.0.0/8?"),
    "10.0.0.0/255.0.0.0": ("length", "Write the length of the range as a number, like /24."),
    "10.0.0.0/": ("length", "Write the length of the range as a number, like /24."),
    "10.0.0.0/33": ("length", "The length of an IPv4 range is /32 at most."),
    "2001:db8::/129": ("length", "The length of an IPv6 range is /128 at most."),
    "0.0.0.0/0": ("wide", "0.0.0.0/0 would let every address in."),
    "::ffff:0:0/96": ("wide", "0.0.0.0/0 would let every address in."),
    "::/0": ("wide", "This range holds every IPv4 address."),
    "10.0.0.0/7": ("wide", "10.0.0.0/7 is too wide. An IPv4 range is /8 at the widest."),
    "2000::/15": ("wide", "2000::/15 is too wide. An IPv6 range is /16 at the widest."),
}  # fmt: skip


@pytest.mark.parametrize(("text", "network"), TAKEN.items())
def test_network_is_brought_into_its_one_form(text, network):
    assert str(parse_network(text)) == network
    assert str(parse_network(network)) == network


@pytest.mark.parametrize(("text", "told"), REFUSED.items())
def test_refusal_says_what_to_change(text, told):
    with pytest.raises(NetworkRefused) as refused:
        parse_network(text)
    assert (refused.value.code, str(refused.value)) == told
    if refused.value.suggestion:
        assert str(parse_network(refused.value.suggestion)) == refused.value.suggestion


def test_mapped_caller_is_judged_by_the_ipv4_rule():
    assert parse_address("::ffff:10.0.0.1") in parse_network("10.0.0.0/8")


def test_overlaps_are_found_in_both_directions():
    known = [
        ipaddress.ip_network(text) for text in ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "2001:db8::/32")
    ]
    wanted = ipaddress.ip_network("10.1.0.0/24")
    assert [str(each) for each in covering(wanted, known)] == ["10.0.0.0/8", "10.1.0.0/16"]
    assert covered(wanted, known) == []
    assert [str(each) for each in covered(ipaddress.ip_network("10.1.0.0/16"), known)] == ["10.1.2.3/32"]
