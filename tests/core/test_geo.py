import datetime as dt
import logging
from ipaddress import ip_address

import pytest

from console.core import geo
from console.core.geo import NetworkKind, Place, classify, place_of
from tests.core.mmdb_writer import write_mmdb

NOW = dt.datetime(2025, 6, 20, tzinfo=dt.UTC)
NETWORKS = {
    "192.0.2.0/24": {"is_anonymous": True, "is_anonymous_vpn": True, "is_hosting_provider": True},
    "192.0.2.128/25": {"is_anonymous": True, "is_tor_exit_node": True, "is_anonymous_vpn": True},
    "198.51.100.0/24": {"is_anonymous": True, "is_hosting_provider": True},
    "203.0.113.0/25": {"is_anonymous": True, "is_public_proxy": True},
    "203.0.113.128/26": {"is_anonymous": True, "is_residential_proxy": True},
    "203.0.113.192/26": {"is_anonymous": True},
    "2001:db8:5::/48": {"is_anonymous": True, "is_anonymous_vpn": True},
}
UTRECHT = {
    "country": {"iso_code": "NL", "names": {"en": "Netherlands", "de": "Niederlande"}},
    "city": {"names": {"en": "Utrecht"}},
    "location": {"latitude": 52.09, "longitude": 5.12},
}


@pytest.fixture(autouse=True)
def _no_readers_left(monkeypatch):
    monkeypatch.setattr(geo, "_databases", {})
    monkeypatch.setattr(geo, "_told_stale", set())


@pytest.fixture
def anonymous(tmp_path, settings):
    path = tmp_path / "anonymous.mmdb"
    write_mmdb(path, NETWORKS, database_type="GeoIP2-Anonymous-IP")
    settings.ANONYMOUS_IP_DATABASE = str(path)
    return path


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("192.0.2.7", NetworkKind.VPN),
        ("192.0.2.200", NetworkKind.TOR),
        ("198.51.100.1", NetworkKind.HOSTING),
        ("203.0.113.1", NetworkKind.PROXY),
        ("203.0.113.130", NetworkKind.PROXY),
        ("203.0.113.200", NetworkKind.PROXY),
        ("2001:db8:5::1", NetworkKind.VPN),
        ("8.8.8.8", NetworkKind.CLEAN),
        ("2001:db8:6::1", NetworkKind.CLEAN),
        ("127.0.0.1", NetworkKind.CLEAN),
    ],
)
def test_flags_become_one_kind(anonymous, address, kind):
    assert classify(ip_address(address), now=NOW) is kind


def test_unknown_without_database_or_address(settings, anonymous):
    assert classify(None, now=NOW) is NetworkKind.UNKNOWN
    settings.ANONYMOUS_IP_DATABASE = ""
    assert classify(ip_address("192.0.2.7"), now=NOW) is NetworkKind.UNKNOWN


def test_changed_file_is_read_again(anonymous):
    assert classify(ip_address("9.9.9.9"), now=NOW) is NetworkKind.CLEAN
    fresh = anonymous.with_name("fresh.mmdb")
    write_mmdb(fresh, {"9.9.9.0/24": {"is_anonymous_vpn": True}}, database_type="GeoIP2-Anonymous-IP")
    fresh.replace(anonymous)
    assert classify(ip_address("9.9.9.9"), now=NOW) is NetworkKind.VPN


def test_removed_file_is_unknown_until_it_returns(anonymous):
    held = anonymous.rename(anonymous.with_name("held.mmdb"))
    assert classify(ip_address("192.0.2.7"), now=NOW) is NetworkKind.UNKNOWN
    held.rename(anonymous)
    assert classify(ip_address("192.0.2.7"), now=NOW) is NetworkKind.VPN


def test_broken_file_is_unknown_and_logged_once(anonymous, caplog):
    anonymous.write_bytes(b"not a database")
    for _ in range(3):
        assert classify(ip_address("192.0.2.7"), now=NOW) is NetworkKind.UNKNOWN
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_damaged_tree_is_unknown_and_logged_once(anonymous, caplog):
    content = bytearray(anonymous.read_bytes())
    marker = content.rindex(b"\xab\xcd\xefMaxMind.com")
    content[:marker] = b"\xfe" * marker
    anonymous.write_bytes(content)
    for _ in range(3):
        assert classify(ip_address("192.0.2.7"), now=NOW) is NetworkKind.UNKNOWN
    assert len(caplog.records) == 1


def test_city_database_in_the_wrong_place_is_not_trusted(anonymous, caplog):
    write_mmdb(anonymous, {"192.0.2.0/24": UTRECHT}, database_type="GeoLite2-City")
    assert classify(ip_address("192.0.2.7"), now=NOW) is NetworkKind.UNKNOWN
    assert "is of type GeoLite2-City" in caplog.text


def test_ipv6_in_an_ipv4_database_is_unknown_and_harmless(anonymous):
    write_mmdb(
        anonymous,
        {"192.0.2.0/24": {"is_anonymous_vpn": True}},
        database_type="GeoIP2-Anonymous-IP",
        ip_version=4,
    )
    assert classify(ip_address("2001:db8::1"), now=NOW) is NetworkKind.UNKNOWN
    assert classify(ip_address("192.0.2.7"), now=NOW) is NetworkKind.VPN


def test_old_database_still_answers_and_is_named_once(anonymous, caplog):
    later = NOW + dt.timedelta(days=90)
    assert classify(ip_address("192.0.2.7"), now=later) is NetworkKind.VPN
    assert classify(ip_address("192.0.2.7"), now=later) is NetworkKind.VPN
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_place_has_country_and_city(tmp_path, settings):
    path = tmp_path / "city.mmdb"
    write_mmdb(
        path,
        {
            "192.0.2.0/24": UTRECHT,
            "198.51.100.0/24": {"country": {"iso_code": "BE", "names": {"en": "Belgium"}}},
        },
        database_type="GeoLite2-City",
    )
    settings.CITY_DATABASE = str(path)
    assert place_of(ip_address("192.0.2.7")) == Place("NL", "Netherlands", "Utrecht")
    assert str(place_of(ip_address("192.0.2.7"))) == "Utrecht, Netherlands"
    assert str(place_of(ip_address("198.51.100.7"))) == "Belgium"
    assert str(place_of(ip_address("8.8.8.8"))) == "unknown place"
    assert place_of(None) == Place()


def test_place_is_empty_without_database(settings):
    settings.CITY_DATABASE = ""
    assert place_of(ip_address("192.0.2.7")) == Place()
