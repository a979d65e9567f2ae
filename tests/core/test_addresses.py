from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.core.addresses import client_address, client_scheme, network_of, parse_address


def meta(forwarded=None, peer="10.0.0.1", **headers):
    found = {"REMOTE_ADDR": peer, **headers}
    return found if forwarded is None else {**found, "HTTP_X_FORWARDED_FOR": forwarded}


@pytest.mark.parametrize(
    ("forwarded", "proxies", "expected"),
    [
        (None, 0, "10.0.0.1"),
        ("198.51.100.7", 0, "10.0.0.1"),
        ("198.51.100.7", 1, "198.51.100.7"),
        ("6.6.6.6, 198.51.100.7", 1, "198.51.100.7"),
        ("6.6.6.6,6.6.6.6,198.51.100.7 ,10.0.0.2", 2, "198.51.100.7"),
        ("198.51.100.7,\t10.0.0.2", 2, "198.51.100.7"),
        ("2001:db8::7", 1, "2001:db8::7"),
        ("::ffff:198.51.100.7", 1, "198.51.100.7"),
        ("::FFFF:c633:6407", 1, "198.51.100.7"),
    ],
)
def test_client_is_counted_from_the_right(forwarded, proxies, expected):
    assert client_address(meta(forwarded), trusted_proxies=proxies) == ip_address(expected)


@pytest.mark.parametrize(
    ("forwarded", "proxies"),
    [
        (None, 1),
        ("", 1),
        (" ", 1),
        ("198.51.100.7", 2),
        ("198.51.100.7,", 1),
        ("198.51.100.7:4711", 1),
        ("[2001:db8::7]", 1),
        ("[2001:db8::7]:443", 1),
        ("fe80::1%eth0", 1),
        ("unknown", 1),
        ("_hidden", 1),
        ("198.51.100.07", 1),
        ("198.51.100", 1),
        ("3325256711", 1),
        ("198.51.100.7\n", 1),
        ("١٩٨.51.100.7", 1),
        ("198.51.100.7/32", 1),
        ('for="198.51.100.7"', 1),
    ],
)
def test_too_few_hops_and_garbage_are_unknown(forwarded, proxies):
    assert client_address(meta(forwarded), trusted_proxies=proxies) is None


@pytest.mark.parametrize("proxies", [0, 1, 2])
def test_other_headers_are_ignored(proxies):
    forged = meta(HTTP_X_REAL_IP="6.6.6.6", HTTP_FORWARDED="for=6.6.6.6", HTTP_CLIENT_IP="6.6.6.6")
    found = client_address(forged, trusted_proxies=proxies)
    assert found == (ip_address("10.0.0.1") if proxies == 0 else None)


def test_socket_peer_may_be_mapped_or_missing():
    assert client_address(meta(peer="::ffff:10.0.0.1"), trusted_proxies=0) == ip_address("10.0.0.1")
    assert client_address(meta(peer=""), trusted_proxies=0) is None
    assert client_address({}, trusted_proxies=0) is None


@given(st.text(max_size=400), st.ip_addresses())
def test_no_forged_part_changes_the_answer(forged, address):
    found = client_address(meta(f"{forged},{address}"), trusted_proxies=1)
    assert found == parse_address(str(address))


@given(st.text(max_size=60), st.integers(0, 3))
def test_any_header_gives_an_address_or_none(text, proxies):
    found = client_address(meta(text, peer=text), trusted_proxies=proxies)
    assert found is None or parse_address(str(found)) == found


def test_long_forged_header_is_answered():
    assert client_address(meta("1," * 500_000 + "198.51.100.7"), trusted_proxies=1) == ip_address(
        "198.51.100.7"
    )


def test_negative_count_is_a_mistake():
    with pytest.raises(ValueError, match="zero or more"):
        client_address(meta("198.51.100.7"), trusted_proxies=-1)


@pytest.mark.parametrize(
    ("headers", "proxies", "expected"),
    [
        ({"wsgi.url_scheme": "http", "HTTP_X_FORWARDED_PROTO": "https"}, 0, "http"),
        ({"wsgi.url_scheme": "https"}, 0, "https"),
        ({}, 0, "http"),
        ({}, 1, "http"),
        ({"HTTP_X_FORWARDED_PROTO": "https"}, 1, "https"),
        ({"HTTP_X_FORWARDED_PROTO": "HTTPS "}, 1, "https"),
        ({"HTTP_X_FORWARDED_PROTO": "https, http"}, 1, "http"),
        ({"HTTP_X_FORWARDED_PROTO": "http, https, http"}, 2, "https"),
        ({"HTTP_X_FORWARDED_PROTO": "https"}, 2, "https"),
        ({"HTTP_X_FORWARDED_PROTO": "https, http"}, 3, "http"),
        ({"HTTP_X_FORWARDED_PROTO": "javascript"}, 1, "http"),
    ],
)
def test_scheme_follows_the_trusted_proxies(headers, proxies, expected):
    assert client_scheme(headers, trusted_proxies=proxies) == expected


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.7", "198.51.100.0/24"),
        ("::ffff:198.51.100.7", "198.51.100.0/24"),
        ("2001:db8:1:2::7", "2001:db8:1::/48"),
    ],
)
def test_network_of_groups_neighbours(address, network):
    assert network_of(ip_address(address)) == ip_network(network)
