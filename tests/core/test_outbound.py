"""The guarded client reaches public https hosts and nothing else (ASVS 1.3.6, 12.3.2, 13.2.4, 15.3.2)."""

import ipaddress
import os
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.core import outbound, outbound_rules
from console.core.outbound import Outbound
from console.core.outbound_rules import OutboundError, OutboundRefused, is_public, parse_target
from tests.core.receiver import HOST, LOOPBACK, drip, endless, receiver

PUBLIC = ipaddress.ip_address("93.184.215.14")


@pytest.fixture
def customer(tmp_path):
    with receiver(tmp_path) as found:
        yield found


def post(client, url, **more):
    return client.send("POST", url, headers={"Content-Type": "application/json"}, body=b"{}", **more)


# --- The address as text


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://hooks.halyard.example", "hooks.halyard.example", 443, "/"),
        ("HTTPS://Hooks.Halyard.Example./a?b=c", "hooks.halyard.example", 443, "/a?b=c"),
        ("https://bücher.example:8443/ä", "xn--bcher-kva.example", 8443, "/ä"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/"),
        ("https://a.b:443/x", "a.b", 443, "/x"),
    ],
)
def test_address_is_read(url, host, port, path):
    target = parse_target(url)
    assert (target.host, target.port, target.path) == (host, port, path)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "url"),
        ("http://hooks.halyard.example/", "scheme"),
        ("ftp://hooks.halyard.example/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("//hooks.halyard.example/", "scheme"),
        ("https://user@hooks.halyard.example/", "userinfo"),
        ("https://user:word@hooks.halyard.example/", "userinfo"),
        ("https://hooks.halyard.example@127.0.0.1/", "userinfo"),
        ("https://hooks.halyard.example#@127.0.0.1/", "fragment"),
        ("https://127.0.0.1\\@hooks.halyard.example/", "url"),
        ("https://hooks.halyard.example/a b", "url"),
        ("https://hooks.halyard.example/\r\nHost: x", "url"),
        ("https://hooks.halyard.example/\x00", "url"),
        ("https://hooks.halyard.example/" + "x" * 500, "url"),
        ("https://hooks.halyard.example:22/", "port"),
        ("https://hooks.halyard.example:6379/", "port"),
        ("https://hooks.halyard.example:0/", "port"),
        ("https://hooks.halyard.example:99999/", "url"),
        ("https://hooks.halyard.example:x/", "url"),
        ("https://127.0.0.1/", "host"),
        ("https://127.0.0.1./", "host"),
        ("https://8.8.8.8/", "host"),
        ("https://2130706433/", "host"),
        ("https://0x7f000001/", "host"),
        ("https://0x7f.0.0.1/", "host"),
        ("https://0177.0.0.1/", "host"),
        ("https://127.1/", "host"),
        ("https://1.2.0x7f/", "host"),
        ("https://①②⑦.0.0.1/", "host"),
        ("https://127。0。0。1/", "url"),
        ("https://hooks.halyard.example/\u202e", "url"),
        ("https://hooks.halyard.example/\u200b", "url"),
        ("https://[::1]/", "host"),
        ("https://[::ffff:127.0.0.1]/", "host"),
        ("https://[fe80::1%25eth0]/", "host"),
        ("https://[::1/", "url"),
        ("https://localhost/", "host"),
        ("https://LOCALHOST./", "host"),
        ("https://api.localhost/", "host"),
        ("https://metadata.google.internal/", "host"),
        ("https://printer.local/", "host"),
        ("https://db/", "host"),
        ("https:///path", "host"),
        ("https://a..example/", "host"),
        ("https://-a.example/", "host"),
        ("https://a_b.example/", "host"),
        ("https://a%2eexample.org/", "host"),
        ("https://" + "a" * 64 + ".example/", "host"),
    ],
)
def test_address_is_refused(url, code):
    with pytest.raises(OutboundRefused) as refused:
        parse_target(url)
    assert refused.value.code == code


def test_console_does_not_call_itself(settings):
    settings.BASE_URL = "https://console.patchbay.example"
    with pytest.raises(OutboundRefused):
        parse_target("https://Console.patchbay.example./v1/")


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text):
    for url in (text, f"https://{text}", f"https://{text}.example/", f"https://a.example:{text}"):
        try:
            target = parse_target(url)
        except OutboundRefused:
            continue
        assert target.host.isascii()
        assert not target.host[-1].isdigit() or not target.host.rpartition(".")[2].isdigit()


# --- The address as a number


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "169.254.0.1", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192",
        "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "192.88.99.1", "224.0.0.1", "239.1.1.1",
        "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1",
        "2001::7f00:1", "2001:0:7f00:1::", "2001:10::1", "2001:20::1", "2001:db8::1", "3fff::1", "5f00::1",
        "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "fd12:3456::1", "ff02::1", "ff0e::1", "100::1",
        "4000::1",
    ],
)  # fmt: skip
def test_address_inside_a_network_is_refused(text):
    address = ipaddress.ip_address(text)
    assert not is_public(address)
    client = Outbound(resolver=lambda host: [address])
    with pytest.raises(OutboundRefused) as refused:
        post(client, "https://hooks.halyard.example/")
    assert refused.value.code == "address"


@pytest.mark.parametrize(
    "text", ["93.184.215.14", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:2800:21f::1", "2a00:1450::8"]
)
def test_public_address_is_public(text):
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("order", [1, -1])
def test_one_inside_address_among_public_ones_refuses_the_name(order):
    answers = [PUBLIC, ipaddress.ip_address("10.0.0.8")][::order]
    with pytest.raises(OutboundRefused) as refused:
        post(Outbound(resolver=lambda host: answers), "https://hooks.halyard.example/")
    assert refused.value.code == "address"


def test_name_without_address_is_an_error():
    with pytest.raises(OutboundError) as failed:
        post(Outbound(resolver=lambda host: []), "https://hooks.halyard.example/")
    assert failed.value.code == "name"


def test_dns_is_asked_for_the_whole_name_and_its_silence_is_an_error(monkeypatch):
    import dns.exception
    import dns.resolver

    asked = []

    def answer(self, name, **options):
        asked.append((name, options))
        raise dns.exception.Timeout

    monkeypatch.setattr(dns.resolver.Resolver, "__init__", lambda self: None)
    monkeypatch.setattr(dns.resolver.Resolver, "resolve_name", answer)
    with pytest.raises(OutboundError) as failed:
        outbound_rules.resolve("hooks.halyard.example")
    assert failed.value.code == "name"
    assert asked == [("hooks.halyard.example.", {"lifetime": 2.0, "search": False})]


# --- The call


def test_call_arrives_with_the_customers_host_and_a_checked_certificate(customer):
    answer = post(customer.client(), customer.url)
    assert (answer.status, answer.body) == (200, b"")
    (call,) = customer.calls
    assert call["path"] == "/hooks?from=console"
    assert call["headers"]["Host"] == f"{HOST}:{customer.port}"
    assert call["headers"]["User-Agent"] == "Patchbay-Webhooks/1"
    assert call["body"] == b"{}"
    assert not {"Cookie", "Authorization"} & set(call["headers"])


def test_name_is_looked_up_once_and_the_checked_address_is_dialled(customer, monkeypatch):
    """A name that changes its answer between check and connection gains nothing (DNS rebinding)."""
    asked, dialled = [], []

    def rebinding(host):
        asked.append(host)
        return [PUBLIC if len(asked) == 1 else LOOPBACK]

    def note(address, *_, **__):
        dialled.append(address)
        raise OSError("not today")

    monkeypatch.setattr("urllib3.connection.connection.create_connection", note)
    with pytest.raises(OutboundError) as failed:
        post(Outbound(resolver=rebinding), "https://hooks.halyard.example/")
    assert failed.value.code == "connection"
    assert asked == ["hooks.halyard.example"]
    assert dialled == [(str(PUBLIC), 443)]
    # The second call finds loopback, and ends before a byte is sent.
    with pytest.raises(OutboundRefused):
        post(Outbound(resolver=rebinding), "https://hooks.halyard.example/")
    assert len(dialled) == 1
    assert customer.calls == []


def test_library_looks_at_the_address_a_second_time(customer, monkeypatch):
    monkeypatch.setattr(outbound, "is_public", lambda address: True)
    with pytest.raises(OutboundRefused) as refused:
        post(customer.client(allow_loopback=False), customer.url)
    assert refused.value.code == "address"
    assert customer.calls == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_an_answer_and_is_not_followed(customer, status):
    customer.status, customer.headers = status, {"Location": "https://127.0.0.1/latest/meta-data/"}
    assert post(customer.client(), customer.url).status == status
    assert len(customer.calls) == 1


def test_proxies_and_logins_of_the_environment_are_ignored(customer, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text(
        f"machine {HOST} login user password word\nmachine 127.0.0.1 login user password word\n"
    )
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    assert post(customer.client(), customer.url).status == 200
    assert "Authorization" not in customer.calls[0]["headers"]


def test_certificate_of_another_name_is_refused(tmp_path):
    with receiver(tmp_path, name="other.example") as customer:
        with pytest.raises(OutboundError) as failed:
            post(customer.client(), customer.url)
        assert failed.value.code == "tls"
        assert customer.calls == []


def test_certificate_of_an_unknown_authority_is_refused(customer):
    with pytest.raises(OutboundError) as failed:
        post(customer.client(authorities=True), customer.url)
    assert failed.value.code == "tls"
    assert customer.calls == []


def test_silent_server_ends_with_the_time(customer):
    customer.act = lambda handler: time.sleep(3)
    started = time.monotonic()
    with pytest.raises(OutboundError) as failed:
        post(customer.client(total_seconds=0.5), customer.url)
    assert failed.value.code == "timeout"
    assert time.monotonic() - started < 2


def test_dripping_server_cannot_stretch_the_time(customer):
    customer.act = drip
    started = time.monotonic()
    with pytest.raises(OutboundError) as failed:
        post(customer.client(total_seconds=0.7), customer.url)
    assert failed.value.code == "timeout"
    assert time.monotonic() - started < 2.5


def test_endless_body_is_not_read_unless_asked_for_and_then_ends(customer):
    customer.act = endless
    assert post(customer.client(), customer.url).body == b""
    with pytest.raises(OutboundRefused) as refused:
        post(customer.client(), customer.url, limit=1_000_000)
    assert refused.value.code == "long"


def test_body_is_read_when_asked_for(customer):
    assert post(customer.client(), customer.url, limit=100).body == b"thanks"


def test_server_that_is_away_is_an_error(customer):
    url = customer.url.replace(str(customer.port), "1")
    with pytest.raises(OutboundError) as failed:
        post(customer.client(), url)
    assert failed.value.code == "connection"


def test_environment_has_no_switch_that_opens_the_guard():
    """Every variable of the console at its most permissive leaves the client as it is."""
    code = "import django; django.setup(); from console.core.outbound import Outbound as O; o = O(); print(o.allow_loopback, sorted(o.ports), o.authorities)"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "console.settings", "ALLOWED_HOSTS": "*"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert answer.stdout.split("\n")[0] == "False [443, 8443] True"
