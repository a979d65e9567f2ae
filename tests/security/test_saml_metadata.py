"""What we read of providers, what they read of us, and what we write to them."""

import base64
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from security.sso import client, keys, messages, metadata
from tests.security import saml_peer as peer

MD = "urn:oasis:names:tc:SAML:2.0:metadata"
REDIRECT = metadata.REDIRECT


def told(*, sso="https://idp.example/sso", certificate=None, binding=REDIRECT, before="", more="") -> bytes:
    pem = peer.pem_of(certificate or peer.pair()[1])
    body = "".join(pem.splitlines()[1:-1])
    return f"""{before}<EntityDescriptor xmlns="{MD}" entityID="urn:provider"><IDPSSODescriptor
 protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">
<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{body}</X509Certificate></X509Data></KeyInfo>
</KeyDescriptor><SingleLogoutService Binding="{REDIRECT}" Location="https://idp.example/slo"/>
<SingleSignOnService Binding="{binding}" Location="{sso}"/></IDPSSODescriptor>{more}</EntityDescriptor>""".encode()


def test_metadata_with_a_comment_and_a_byte_order_mark_is_read():
    found = metadata.read_metadata(b"\xef\xbb\xbf" + told(before="<!-- made by hand -->"))
    assert (found.entity_id, found.sso_url) == ("urn:provider", "https://idp.example/sso")
    assert (found.slo_url, len(found.certificates)) == ("https://idp.example/slo", 1)


@pytest.mark.parametrize(
    ("xml", "match"),
    [
        (told(before='<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'), "document type"),
        (told(before='<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>'), "document type"),
        (told(sso="http://idp.example/sso"), "https"),
        (told(sso="javascript:alert(1)"), "https"),
        (told(sso="https://ann:pw@idp.example/"), "https"),
        (told(binding="urn:other"), "HTTP-Redirect"),
        (told(certificate=peer.pair("weak", bits=1024)[1]), "too weak"),
        (told() * 1000, "larger"),
        (told()[:-5], "not XML"),
        (b"<html/>", "not SAML metadata"),
        (told(more="".join(f"<a>{'<b>' * 30}{'</b>' * 30}</a>")), "nested"),
    ],
    ids=["external", "expansion", "http", "script", "login", "post", "weak", "large", "cut", "html", "deep"],
)
def test_other_metadata_is_refused_in_words(xml, match):
    with pytest.raises(metadata.MetadataRefused, match=match):
        metadata.read_metadata(xml)


def test_two_providers_are_refused():
    both = b'<EntitiesDescriptor xmlns="%s">%s%s</EntitiesDescriptor>' % (MD.encode(), told(), told())
    with pytest.raises(metadata.MetadataRefused, match="several"):
        metadata.read_metadata(both)


def test_a_certificate_by_hand_is_read_with_and_without_its_frame():
    pem = peer.pem_of(peer.pair()[1])
    bare = "".join(pem.splitlines()[1:-1])
    assert metadata.read_certificate(pem) == metadata.read_certificate(bare) == peer.pair()[1]
    with pytest.raises(metadata.MetadataRefused, match="not an X"):
        metadata.read_certificate("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----")


def test_our_metadata_names_the_connection_and_is_good_for_pysaml2():
    connection_id = uuid.uuid4()
    private, certificate = keys.make_key_pair(name="Halyard", now=peer.NOW)
    assert load_pem_private_key(private, None).key_size == 3072
    from saml2.md import entity_descriptor_from_string  # noqa: TID251 - the other side

    read = entity_descriptor_from_string(
        metadata.sp_metadata(connection_id=connection_id, certificate_pem=certificate)
    )
    service = read.spsso_descriptor[0] if isinstance(read.spsso_descriptor, list) else read.spsso_descriptor
    assert str(connection_id) in read.entity_id
    assert str(connection_id) in service.assertion_consumer_service[0].location
    assert service.want_assertions_signed == "true"
    assert [key.use for key in service.key_descriptor] == ["signing", "encryption"]


def ask(name: str) -> str:
    key, _ = peer.pair(name)
    return client.ask_who(
        sender=client.Sender(f"urn:{name}", key),
        request_id=client.new_id(),
        sso_url="https://idp.example/sso?tenant=1",
        acs_url=peer.ACS,
        is_forced=True,
        now=peer.NOW,
    )


def verify(address: str, name: str) -> bytes:
    query = urlsplit(address).query.partition("&")[2]
    signed, _, _ = query.partition("&Signature=")
    values = {key: found[0] for key, found in parse_qs(query).items()}
    public = peer.pair(name)[1].public_key()
    public.verify(base64.b64decode(values["Signature"]), signed.encode(), PKCS1v15(), hashes.SHA256())
    return messages.decode_redirect(values["SAMLRequest"])


def test_a_request_is_signed_and_names_its_answer_s_address():
    root = messages.parse(verify(ask("ours"), "ours"))
    assert root.get("AssertionConsumerServiceURL") == peer.ACS
    assert root.get("ForceAuthn") == "true"
    assert root.get("IssueInstant") == "2026-01-02T03:04:05Z"


def test_two_accounts_at_once_never_sign_with_each_other_s_key():
    names = ["ours", "theirs"] * 20
    assert peer.pair("ours") != peer.pair("theirs")
    with ThreadPoolExecutor(8) as pool:
        for name, address in zip(names, pool.map(ask, names), strict=True):
            assert f"urn:{name}".encode() in verify(address, name)


def test_an_address_of_a_provider_may_be_near_only_while_developing(settings):
    settings.IS_DEVELOPMENT = False
    with pytest.raises(metadata.MetadataRefused, match="https"):
        metadata.check_address("http://localhost:7000/sso")
    settings.IS_DEVELOPMENT = True
    assert metadata.check_address("http://localhost:7000/sso")
    assert metadata.end_of(peer.pair()[1]) > peer.NOW + timedelta(days=1000)
