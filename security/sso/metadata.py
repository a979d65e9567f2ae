"""Read what a provider says about itself, and write what it may know about us.

Sources: SAML metadata 2.0 sections 2.3 and 2.4, RFC 3986 for addresses.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import UUID

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from lxml import etree

from security.sso import addresses
from security.sso.messages import is_deeper
from security.sso.signature import is_strong

POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
LARGEST_METADATA = 512 * 1024
_MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
_EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
_LONGEST, _MOST_DEPTH, _MOST_CERTIFICATES = 1000, 24, 10


class MetadataRefused(Exception):
    """The document does not describe one provider that we can use; the message is for the person who sent it."""


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """What a provider says about itself. The keys of ``sso_urls`` and ``slo_urls`` are bindings."""

    entity_id: str
    sso_urls: Mapping[str, str]
    slo_urls: Mapping[str, str]
    certificates: tuple[x509.Certificate, ...]

    @property
    def sso_url(self) -> str:
        """Return where people are sent to sign in; we send them by redirect."""
        return self.sso_urls[REDIRECT]

    @property
    def slo_url(self) -> str:
        """Return where people are sent to sign out, or nothing."""
        return self.slo_urls.get(REDIRECT, "")


def read_metadata(xml: bytes) -> ProviderMetadata:
    """Return the one provider that the document describes.

    :raises MetadataRefused: with what is missing or wrong
    """
    root = _parse(xml)
    entity, provider = _one_provider(root)
    entity_id = entity.get("entityID", "")
    if not entity_id or len(entity_id) > _LONGEST or entity_id != entity_id.strip():
        raise MetadataRefused("The entity ID is missing or too long.")
    sso_urls = _endpoints(provider, "SingleSignOnService")
    if REDIRECT not in sso_urls:
        raise MetadataRefused("The provider offers no sign-in by HTTP-Redirect.")
    certificates = _certificates(provider)
    if not certificates:
        raise MetadataRefused("The metadata holds no certificate for signatures.")
    return ProviderMetadata(entity_id, sso_urls, _endpoints(provider, "SingleLogoutService"), certificates)


def read_certificate(text: str) -> x509.Certificate:
    """Return the certificate in PEM, or in base64 alone.

    :raises MetadataRefused: if it is none, or its key is too weak
    """
    body = "".join(line for line in text.strip().splitlines() if not line.startswith("-----"))
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode("".join(body.split()), validate=True))
        is_good = is_strong(certificate)
    except (ValueError, binascii.Error, UnsupportedAlgorithm) as error:
        raise MetadataRefused("This is not an X.509 certificate.") from error
    if not is_good:
        raise MetadataRefused("The certificate's key is too weak: RSA needs 2,048 bits, a curve 256.")
    return certificate


def check_address(url: str) -> str:
    """Return the address if a browser may be sent there.

    :raises MetadataRefused: if it is not a plain https address
    """
    try:
        parts = urlsplit(url)
        is_plain = bool(parts.hostname) and not parts.username and parts.port != 0
    except ValueError:
        is_plain = False
    schemes = {"https"} | ({"http"} if _is_near(url) else set())
    is_clean = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    if not is_plain or not is_clean or parts.scheme not in schemes or parts.fragment or len(url) > _LONGEST:
        raise MetadataRefused("The provider's addresses must start with https:// and be plain.")
    return url


def _is_near(url: str) -> bool:
    """Say whether the provider may be spoken to without https: on this machine, while developing."""
    return settings.IS_DEVELOPMENT and urlsplit(url).hostname in {"127.0.0.1", "localhost"}


def _parse(xml: bytes) -> etree._Element:
    if len(xml) > LARGEST_METADATA:
        raise MetadataRefused("The file is larger than metadata of one provider is.")
    if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
        raise MetadataRefused("Metadata with a document type is not read.")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, encoding="utf-8"
    )
    try:
        root = etree.fromstring(xml.removeprefix(b"\xef\xbb\xbf"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise MetadataRefused("This is not XML in UTF-8.") from error
    if is_deeper(root, _MOST_DEPTH):
        raise MetadataRefused("The file is nested more deeply than metadata is.")
    return root


def _one_provider(root: etree._Element) -> tuple[etree._Element, etree._Element]:
    if root.tag not in {f"{_MD}EntityDescriptor", f"{_MD}EntitiesDescriptor"}:
        raise MetadataRefused("This is not SAML metadata.")
    found = [node for node in root.iter(f"{_MD}IDPSSODescriptor") if _speaks_saml(node)]
    if len(found) != 1:
        count = "several providers" if found else "no identity provider"
        raise MetadataRefused(f"The metadata describes {count}; it must describe one.")
    entity = found[0].getparent()
    if entity is None or entity.tag != f"{_MD}EntityDescriptor":
        raise MetadataRefused("This is not SAML metadata.")
    return entity, found[0]


def _speaks_saml(provider: etree._Element) -> bool:
    return _PROTOCOL in provider.get("protocolSupportEnumeration", "").split()


def _endpoints(provider: etree._Element, name: str) -> dict[str, str]:
    """Return the first address of each binding that we speak."""
    found: dict[str, str] = {}
    for node in provider.findall(f"{_MD}{name}"):
        binding = node.get("Binding", "")
        if binding in {POST, REDIRECT} and binding not in found:
            found[binding] = check_address(node.get("Location", "").strip())
    return found


def _certificates(provider: etree._Element) -> tuple[x509.Certificate, ...]:
    texts: list[str] = []
    for key in provider.findall(f"{_MD}KeyDescriptor"):
        if key.get("use", "signing") == "signing":
            texts += [node.text or "" for node in key.iter(f"{_DS}X509Certificate")]
    if len(texts) > _MOST_CERTIFICATES:
        raise MetadataRefused("The metadata holds more certificates than we read.")
    unique = dict.fromkeys("".join(text.split()) for text in texts)
    return tuple(read_certificate(text) for text in unique)


def sp_metadata(*, connection_id: UUID, certificate_pem: str) -> bytes:
    """Return what the provider may know about the connection: names, addresses and our public key."""
    names = {None: _MD[1:-1], "ds": _DS[1:-1]}
    root = etree.Element(f"{_MD}EntityDescriptor", nsmap=names, entityID=addresses.entity_id(connection_id))
    service = etree.SubElement(
        root,
        f"{_MD}SPSSODescriptor",
        AuthnRequestsSigned="true",
        WantAssertionsSigned="true",
        protocolSupportEnumeration=_PROTOCOL,
    )
    _add_keys(service, certificate_pem)
    slo = addresses.slo_url(connection_id)
    etree.SubElement(service, f"{_MD}SingleLogoutService", Binding=REDIRECT, Location=slo)
    etree.SubElement(service, f"{_MD}NameIDFormat").text = _EMAIL
    acs = {"Binding": POST, "Location": addresses.acs_url(connection_id), "index": "0", "isDefault": "true"}
    etree.SubElement(service, f"{_MD}AssertionConsumerService", acs)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _add_keys(service: etree._Element, certificate_pem: str) -> None:
    certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
    text = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    for use in ("signing", "encryption"):
        key = etree.SubElement(service, f"{_MD}KeyDescriptor", use=use)
        data = etree.SubElement(etree.SubElement(key, f"{_DS}KeyInfo"), f"{_DS}X509Data")
        etree.SubElement(data, f"{_DS}X509Certificate").text = text


def pem_of(certificates: Iterable[x509.Certificate]) -> list[str]:
    """Return the certificates as PEM."""
    return [certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates]


def end_of(certificate: x509.Certificate) -> datetime:
    """Return when the certificate ends."""
    return certificate.not_valid_after_utc.astimezone(UTC)
