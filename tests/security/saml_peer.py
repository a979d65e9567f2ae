"""A provider for tests: it says whatever it is told to, and signs it with whatever key it is given."""

import base64
import functools
import zlib
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import xmlsec  # noqa: TID251 - the other side
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.x509.oid import NameOID
from lxml import etree  # noqa: TID251 - the other side

from security.sso.messages import DS, SAML, SAMLP

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MINUTES = timedelta(minutes=5)
ACS, ENTITY, PROVIDER = "https://console.example/acs/", "https://console.example/metadata/", "urn:provider"
SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"


def pair(name: str = "provider", bits: int = 2048) -> tuple[bytes, x509.Certificate]:
    """Return a private key as PEM and its certificate; the same name brings the same ones."""
    return _pair(name, bits)


@functools.cache
def _pair(name: str, bits: int) -> tuple[bytes, x509.Certificate]:
    key = rsa.generate_private_key(65537, bits)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem, certificate


def pem_of(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@dataclass
class Says:
    """What the provider asserts; every part can be bent."""

    name_id: str = "ann@halyard.example"
    request_id: str = "q1"
    acs: str = ACS
    audience: str = ENTITY
    issuer: str = PROVIDER
    now: datetime = NOW
    attributes: Any = None
    context: str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
    assertion_id: str = "a1"
    session_ends_at: datetime | None = None
    authn_at: datetime | None = None


def instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def response(**says: Any) -> etree._Element:
    """Return an unsigned Response."""
    it = Says(**says)
    begins, ends = instant(it.now - MINUTES), instant(it.now + MINUTES)
    answers = f'InResponseTo="{it.request_id}"' if it.request_id else ""
    session = f'SessionNotOnOrAfter="{instant(it.session_ends_at)}"' if it.session_ends_at else ""
    given = it.attributes if it.attributes is not None else {"groups": ["dev", "ops"]}
    attributes = "".join(
        f'<saml:Attribute Name="{name}">'
        + "".join(f"<saml:AttributeValue>{value}</saml:AttributeValue>" for value in values)
        + "</saml:Attribute>"
        for name, values in given.items()
    )
    return etree.fromstring(
        f"""<samlp:Response xmlns:samlp="{SAMLP[1:-1]}" xmlns:saml="{SAML[1:-1]}" ID="r{it.assertion_id}" Version="2.0"
 IssueInstant="{begins}" Destination="{it.acs}" {answers}><saml:Issuer>{it.issuer}</saml:Issuer><samlp:Status>
<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status><saml:Assertion ID="{it.assertion_id}"
 Version="2.0" IssueInstant="{begins}"><saml:Issuer>{it.issuer}</saml:Issuer><saml:Subject><saml:NameID>{it.name_id}</saml:NameID>
<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData Recipient="{it.acs}"
 NotOnOrAfter="{ends}" {answers}/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{begins}"
 NotOnOrAfter="{ends}"><saml:AudienceRestriction><saml:Audience>{it.audience}</saml:Audience></saml:AudienceRestriction>
</saml:Conditions><saml:AuthnStatement AuthnInstant="{instant(it.authn_at or it.now - MINUTES)}" SessionIndex="s1" {session}>
<saml:AuthnContext><saml:AuthnContextClassRef>{it.context}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>
<saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion></samlp:Response>"""
    )


def sign(
    element: etree._Element,
    key: bytes | None = None,
    *,
    algorithm: Any = xmlsec.constants.TransformRsaSha256,
    digest: Any = xmlsec.constants.TransformSha256,
) -> etree._Element:
    """Sign the element, and return it."""
    template = xmlsec.template.create(element, xmlsec.constants.TransformExclC14N, algorithm)
    element.insert(1, template)
    reference = xmlsec.template.add_reference(template, digest, uri=f"#{element.get('ID')}")
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(key or pair()[0], xmlsec.constants.KeyDataFormatPem)
    context.register_id(element, "ID")
    context.sign(template)
    return element


def signed(*, both: bool = False, key: bytes | None = None, **says: Any) -> etree._Element:
    """Return a Response with a signed assertion, as most providers send it."""
    made = response(**says)
    sign(made.find(f"{SAML}Assertion"), key)
    return sign(made, key) if both else made


def encode(message: etree._Element | bytes) -> str:
    """Return the message as a form field."""
    return base64.b64encode(message if isinstance(message, bytes) else etree.tostring(message)).decode()


def encrypt(message: etree._Element, cipher: Any, certificate: x509.Certificate) -> etree._Element:
    """Put the assertion into an EncryptedAssertion that the certificate's owner can open."""
    assertion = message.find(f"{SAML}Assertion")
    keys = xmlsec.KeysManager()
    pem = pem_of(certificate).encode()
    keys.add_key(xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatCertPem))
    template = xmlsec.template.encrypted_data_create(
        message, cipher, type=xmlsec.constants.TypeEncElement, ns="xenc"
    )
    xmlsec.template.encrypted_data_ensure_cipher_value(template)
    info = xmlsec.template.encrypted_data_ensure_key_info(template, ns="dsig")
    wrapped = xmlsec.template.add_encrypted_key(info, xmlsec.constants.TransformRsaOaep)
    xmlsec.template.encrypted_data_ensure_cipher_value(wrapped)
    context = xmlsec.EncryptionContext(keys)
    context.key = xmlsec.Key.generate(xmlsec.constants.KeyDataAes, 256, xmlsec.constants.KeyDataTypeSession)
    data = context.encrypt_xml(template, assertion)
    shell = etree.Element(f"{SAML}EncryptedAssertion")
    message.replace(data, shell)
    shell.append(data)
    return message


def wrapped(form: int) -> etree._Element:
    """Return one of the eight classical ways to wrap a signed part around a forged one (XSW 1-8)."""
    return _wrapped_response(form) if form <= 2 else _wrapped_assertion(form)


def _wrapped_response(form: int) -> etree._Element:
    made = signed(both=True)
    original = deepcopy(made)
    signature = made.find(f"{DS}Signature")
    made.set("ID", "forged")
    made.find(f".//{SAML}NameID").text = "eve@halyard.example"
    original.remove(original.find(f"{DS}Signature"))
    if form == 1:
        signature.append(original)
    else:
        made.insert(1, original)
    return made


def _wrapped_assertion(form: int) -> etree._Element:
    made = signed()
    real = made.find(f"{SAML}Assertion")
    forged = _forged(real)
    if form == 3:
        made.insert(made.index(real), forged)
    elif form == 4:
        made.remove(real)
        forged.append(real)
        made.append(forged)
    elif form in {5, 6}:
        signature = real.find(f"{DS}Signature")
        real.remove(signature)
        forged.insert(1, signature)
        (signature if form == 6 else made).append(real)
        made.append(forged)
    elif form == 7:
        shelf = etree.Element(f"{SAMLP}Extensions")
        made.insert(1, shelf)
        made.replace(real, forged)
        shelf.append(real)
    else:
        shelf = etree.SubElement(real.find(f"{DS}Signature"), f"{DS}Object")
        copy = deepcopy(real)
        copy.remove(copy.find(f"{DS}Signature"))
        shelf.append(copy)
        real.set("ID", "forged")
        real.find(f".//{SAML}NameID").text = "eve@halyard.example"
    return made


def _forged(real: etree._Element) -> etree._Element:
    forged = deepcopy(real)
    forged.set("ID", "forged")
    forged.find(f".//{SAML}NameID").text = "eve@halyard.example"
    forged.remove(forged.find(f"{DS}Signature"))
    return forged


def query(xml: str, *, kind: str = "SAMLRequest", key: bytes | None = None, algorithm: str = SHA256) -> str:
    """Return a message as a signed query string."""
    packed = zlib.compressobj(wbits=-15)
    text = base64.b64encode(packed.compress(xml.encode()) + packed.flush()).decode()
    told = f"{kind}={quote_plus(text)}&SigAlg={quote_plus(algorithm)}"
    private: Any = serialization.load_pem_private_key(key or pair()[0], None)
    signature = base64.b64encode(private.sign(told.encode(), PKCS1v15(), hashes.SHA256())).decode()
    return f"{told}&Signature={quote_plus(signature)}"


def logout_request(
    *,
    slo: str,
    name_id: str = "ann@halyard.example",
    now: datetime = NOW,
    issuer: str = PROVIDER,
    index: str = "s1",
) -> str:
    """Return a LogoutRequest."""
    return (
        f'<samlp:LogoutRequest xmlns:samlp="{SAMLP[1:-1]}" xmlns:saml="{SAML[1:-1]}" ID="l{now:%s}" Version="2.0" '
        f'IssueInstant="{instant(now)}" Destination="{slo}"><saml:Issuer>{issuer}</saml:Issuer>'
        f"<saml:NameID>{name_id}</saml:NameID><samlp:SessionIndex>{index}</samlp:SessionIndex></samlp:LogoutRequest>"
    )
