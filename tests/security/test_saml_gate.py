"""What a SAML message must be before anything believes it: every attack is a test of its own."""

import base64
import zlib
from dataclasses import replace
from datetime import timedelta

import pytest
import xmlsec  # noqa: TID251 - the other side
from lxml import etree  # noqa: TID251 - the other side

from security.sso import assertion, logout
from security.sso.messages import DS, SAML, SAMLP, XENC, MessageRefused
from tests.security import saml_peer as peer
from tests.security.saml_peer import ACS, ENTITY, MINUTES, NOW, PROVIDER

SLO = "https://console.example/slo/"


def expected(**other) -> assertion.Expected:
    known = assertion.Expected(ACS, ENTITY, PROVIDER, [peer.pair()[1]], "q1")
    return replace(known, **other)


def read(message, *, now=NOW, **other) -> assertion.Assertion:
    text = message if isinstance(message, str) else peer.encode(message)
    return assertion.read_posted(assertion.open_posted(text), expected=expected(**other), now=now)


def refuse(message, match: str, **other) -> None:
    with pytest.raises(MessageRefused, match=match):
        read(message, **other)


def test_a_good_response_is_read():
    found = read(peer.signed())
    assert (found.name_id, found.session_index) == ("ann@halyard.example", "s1")
    assert found.attributes == {"groups": ("dev", "ops")}
    assert read(peer.signed(both=True)).assertion_id == "a1"


def test_either_of_two_certificates_is_good():
    certificates = [peer.pair("next")[1], peer.pair()[1]]
    assert read(peer.signed(), certificates=certificates).name_id


def test_an_unsigned_response_is_refused():
    refuse(peer.response(), "not signed")


def test_an_unsigned_assertion_in_a_signed_response_is_refused():
    refuse(peer.sign(peer.response()), "assertion is not signed")


@pytest.mark.parametrize("form", range(1, 9))
def test_a_wrapped_signature_is_refused(form):
    with pytest.raises(MessageRefused):
        read(peer.wrapped(form))


def test_what_was_changed_after_signing_is_refused():
    message = peer.signed()
    message.find(f".//{SAML}NameID").text = "eve@halyard.example"
    refuse(message, "none of the provider's certificates")


def test_a_key_inside_the_message_counts_for_nothing():
    key, certificate = peer.pair("stranger")
    message = peer.signed(key=key)
    info = etree.SubElement(message.find(f".//{DS}Signature"), f"{DS}KeyInfo")
    data = etree.SubElement(etree.SubElement(info, f"{DS}X509Data"), f"{DS}X509Certificate")
    data.text = "".join(peer.pem_of(certificate).splitlines()[1:-1])
    refuse(message, "none of the provider's certificates")


@pytest.mark.parametrize(
    ("bent", "match"),
    [
        ({"audience": "https://other.example/"}, "Audience"),
        ({"acs": "https://other.example/acs/"}, "Destination"),
        ({"issuer": "urn:other"}, "Issuer"),
        ({"request_id": "q2"}, "InResponseTo"),
        ({"request_id": ""}, "InResponseTo"),
    ],
    ids=["audience", "recipient", "issuer", "in-response-to", "unsolicited"],
)
def test_a_message_for_somebody_else_is_refused(bent, match):
    refuse(peer.signed(**bent), match)


def test_a_recipient_that_is_not_ours_is_refused_below_a_right_destination():
    message = peer.signed(acs="https://other.example/acs/")
    message.set("Destination", ACS)
    refuse(message, "Recipient")


def test_an_in_response_to_that_the_signed_part_does_not_repeat_is_refused():
    message = peer.signed(request_id="q2")
    message.set("InResponseTo", "q1")
    refuse(message, "InResponseTo")


def test_the_time_window_is_two_minutes_wider_and_no_more():
    reach, second = MINUTES + timedelta(minutes=2), timedelta(seconds=1)
    read(peer.signed(), now=NOW + reach - second)
    read(peer.signed(), now=NOW - reach)
    refuse(peer.signed(), "expired", now=NOW + reach)
    refuse(peer.signed(), "not valid yet", now=NOW - reach - second)


def test_a_session_that_has_ended_is_refused():
    refuse(peer.signed(session_ends_at=NOW - timedelta(hours=1)), "session has ended")


@pytest.mark.parametrize(
    "algorithm",
    [
        {"algorithm": xmlsec.constants.TransformRsaSha1},
        {"digest": xmlsec.constants.TransformSha1},
    ],
    ids=["rsa-sha1", "sha1-digest"],
)
def test_sha1_is_refused(algorithm):
    message = peer.response()
    peer.sign(message.find(f"{SAML}Assertion"), **algorithm)
    refuse(message, "algorithm is too weak")


@pytest.mark.parametrize("name", ["none", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"])
def test_an_algorithm_that_is_none_or_symmetric_is_refused(name):
    message = peer.signed()
    message.find(f".//{DS}SignatureMethod").set("Algorithm", name)
    refuse(message, "algorithm is too weak")


def test_a_weak_key_is_refused():
    key, certificate = peer.pair("weak", bits=1024)
    refuse(peer.signed(key=key), "none of the provider's", certificates=[certificate])


@pytest.mark.parametrize(
    "before",
    [
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        b"<!-- comment -->",
        b"<?target text?>",
    ],
    ids=["external-entity", "entity-expansion", "comment", "instruction"],
)
def test_declarations_comments_and_instructions_are_refused(before):
    refuse(peer.encode(before + etree.tostring(peer.signed())), "are not read|well-formed")


@pytest.mark.parametrize("inside", ["<!---->", "<![CDATA[]]>", "<?x y?>"])
def test_a_name_split_by_a_comment_is_refused(inside):
    whole = etree.tostring(peer.signed(name_id="ann@halyard.example.evil.example"))
    split = whole.replace(b"halyard.example.evil", f"halyard.example{inside}.evil".encode())
    refuse(peer.encode(split), "are not read")


def test_the_two_forms_of_a_doubtful_identifier_are_refused():
    message = peer.signed()
    message.find(f"{SAML}Assertion").set("Id", "r-other")
    message.find(f"{SAMLP}Status").set("Id", "r-other")
    refuse(message, "identifiers must be plain and unique")


def test_two_assertions_are_refused():
    message = peer.signed()
    message.append(peer.signed(assertion_id="a2").find(f"{SAML}Assertion"))
    refuse(message, "exactly one Assertion|schema's order")


def test_a_deflated_post_and_loose_base64_are_refused():
    packed = base64.b64encode(zlib.compress(etree.tostring(peer.signed()))[2:-4]).decode()
    refuse(packed, "well-formed|not read")
    refuse(peer.encode(peer.signed()) + "!", "base64")
    refuse(base64.b64encode(b" " * 300_000).decode(), "too large")


def test_a_deflated_message_of_unbounded_size_is_refused():
    packed = zlib.compressobj(wbits=-15)
    text = base64.b64encode(packed.compress(b" " * 5_000_000) + packed.flush()).decode()
    with pytest.raises(MessageRefused, match="size"):
        logout.decode_redirect(text)


def test_deep_nesting_is_refused():
    message = peer.signed()
    shelf = etree.SubElement(message, f"{SAMLP}Extensions")
    for _ in range(40):
        shelf = etree.SubElement(shelf, "x")
    refuse(message, "nested too deeply")


@pytest.mark.parametrize("is_signed", [True, False], ids=["signed-response", "unsigned-response"])
@pytest.mark.parametrize("cipher", ["gcm", "cbc"])
def test_an_encrypted_assertion_is_read_and_cbc_only_in_a_signed_response(cipher, is_signed):
    key, certificate = peer.pair("ours")
    kinds = {"gcm": xmlsec.constants.TransformAes256Gcm, "cbc": xmlsec.constants.TransformAes256Cbc}
    message = peer.encrypt(peer.signed(), kinds[cipher], certificate)
    if is_signed:
        peer.sign(message)
    if cipher == "cbc" and not is_signed:
        refuse(message, "encryption is too weak", keys_pem=[key])
    else:
        assert read(message, keys_pem=[key]).name_id == "ann@halyard.example"


def test_the_assertion_inside_the_encryption_passes_the_same_gate():
    key, certificate = peer.pair("ours")
    hidden = peer.encrypt(peer.response(), xmlsec.constants.TransformAes256Gcm, certificate)
    refuse(peer.sign(hidden), "assertion is not signed", keys_pem=[key])


@pytest.mark.parametrize("kind", [None, "urn:something"])
def test_an_encrypted_assertion_that_does_not_say_it_is_an_element_is_refused(kind):
    key, certificate = peer.pair("ours")
    message = peer.encrypt(peer.signed(), xmlsec.constants.TransformAes256Gcm, certificate)
    data = next(message.iter(f"{XENC}EncryptedData"))
    del data.attrib["Type"]
    if kind:
        data.set("Type", kind)
    refuse(message, "does not say that it holds an element", keys_pem=[key])


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_time_at_the_end_of_time_can_be_counted_with(text):
    assert assertion.instant_of(text) - timedelta(days=1) < assertion.instant_of(text) + timedelta(days=1)


def test_a_failure_at_the_provider_is_refused():
    message = peer.signed()
    message.find(f".//{SAMLP}StatusCode").set("Value", "urn:oasis:names:tc:SAML:2.0:status:Responder")
    refuse(message, "reports a failure")


def read_logout(query: str, *, now=NOW) -> logout.LogoutMessage:
    known = logout.LogoutExpected(SLO, PROVIDER, [peer.pair()[1]])
    return logout.read_logout(query, expected=known, now=now)


def test_a_signed_logout_request_is_read():
    found = read_logout(peer.query(peer.logout_request(slo=SLO)))
    assert (found.name_id, found.session_indexes, found.answers) == ("ann@halyard.example", ("s1",), "")


@pytest.mark.parametrize(
    ("query", "match"),
    [
        (lambda: peer.query(peer.logout_request(slo=SLO)).partition("&SigAlg")[0], "not signed"),
        (lambda: peer.query(peer.logout_request(slo=SLO), key=peer.pair("stranger")[0]), "none of"),
        (lambda: peer.query(peer.logout_request(slo=SLO)) + "&SAMLRequest=x", "twice"),
        (lambda: peer.query(peer.logout_request(slo=SLO)) + "&RelayState=x", "none of"),
        (lambda: peer.query(peer.logout_request(slo="https://x.example/")), "Destination"),
        (lambda: peer.query(peer.logout_request(slo=SLO, issuer="urn:other")), "Issuer"),
        (lambda: peer.query(peer.logout_request(slo=SLO, now=NOW - timedelta(hours=1))), "expired"),
        (
            lambda: peer.query(peer.logout_request(slo=SLO), algorithm=peer.SHA256.replace("sha256", "sha1")),
            "weak",
        ),
        (lambda: peer.query("<!DOCTYPE x>" + peer.logout_request(slo=SLO)), "not read"),
    ],
    ids=["unsigned", "stranger", "twice", "relay", "destination", "issuer", "old", "sha1", "doctype"],
)
def test_a_forged_logout_is_refused(query, match):
    with pytest.raises(MessageRefused, match=match):
        read_logout(query())
