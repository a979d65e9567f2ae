"""Check the one XML signature of an element that is read, in process.

Sources: SAML core 2.0 section 5.4, XML Signature 1.1, Exclusive XML Canonicalization 1.0.
"""

from collections.abc import Iterable

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from security.sso.messages import DS, MessageRefused, only_child

EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_MORE, _ENC = "http://www.w3.org/2001/04/xmldsig-more#", "http://www.w3.org/2001/04/xmlenc#"
ALGORITHMS = frozenset(f"{_MORE}{kind}-sha{bits}" for kind in ("rsa", "ecdsa") for bits in (256, 384, 512))
DIGESTS = frozenset({f"{_ENC}sha256", f"{_MORE}sha384", f"{_ENC}sha512"})
_LEAST_RSA_BITS, _LEAST_CURVE_BITS = 2048, 256


def is_signed(element: etree._Element, certificates: Iterable[x509.Certificate]) -> bool:
    """Say whether the element carries a signature, and that it is good.

    :raises MessageRefused: if there is a signature of another shape, or by none of the certificates
    """
    signature = only_child(element, f"{DS}Signature")
    if signature is None:
        return False
    _check_shape(signature, str(element.get("ID")))
    if not any(
        _verifies(element, signature, certificate) for certificate in certificates if is_strong(certificate)
    ):
        raise MessageRefused("the signature is by none of the provider's certificates")
    return True


def is_strong(certificate: x509.Certificate) -> bool:
    """Say whether the key is RSA of 2,048 bits or more, or on a curve of 256 or more."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= _LEAST_RSA_BITS
    return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size >= _LEAST_CURVE_BITS


def _check_shape(signature: etree._Element, element_id: str) -> None:
    names = [child.tag for child in signature]
    if names[:2] != [f"{DS}SignedInfo", f"{DS}SignatureValue"] or names[2:] not in ([], [f"{DS}KeyInfo"]):
        raise MessageRefused("a signature of another shape")
    info = signature[0]
    if [child.tag for child in info] != [
        f"{DS}{n}" for n in ("CanonicalizationMethod", "SignatureMethod", "Reference")
    ]:
        raise MessageRefused("a signature must have one reference")
    method, algorithm, reference = info
    if method.get("Algorithm") != EXCLUSIVE or _has_odd_children(method):
        raise MessageRefused("canonicalization must be exclusive")
    if algorithm.get("Algorithm") not in ALGORITHMS or len(algorithm):
        raise MessageRefused("the signature's algorithm is too weak or unknown")
    _check_reference(reference, element_id)


def _check_reference(reference: etree._Element, element_id: str) -> None:
    if reference.get("URI") != f"#{element_id}":
        raise MessageRefused("a signature must be of the element that holds it")
    if [child.tag for child in reference] != [
        f"{DS}{n}" for n in ("Transforms", "DigestMethod", "DigestValue")
    ]:
        raise MessageRefused("a reference of another shape")
    transforms, digest, _ = reference
    algorithms = [transform.get("Algorithm") for transform in transforms]
    if algorithms not in ([_ENVELOPED], [_ENVELOPED, EXCLUSIVE]) or any(map(_has_odd_children, transforms)):
        raise MessageRefused("transforms outside the list")
    if digest.get("Algorithm") not in DIGESTS or len(digest):
        raise MessageRefused("the digest's algorithm is too weak or unknown")


def _has_odd_children(node: etree._Element) -> bool:
    return [child.tag for child in node] not in ([], [f"{{{EXCLUSIVE}}}InclusiveNamespaces"])


def _verifies(element: etree._Element, signature: etree._Element, certificate: x509.Certificate) -> bool:
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(
        certificate.public_bytes(Encoding.PEM), xmlsec.constants.KeyDataFormatCertPem
    )
    context.register_id(element, "ID")
    try:
        context.verify(signature)
    except xmlsec.Error:
        return False
    return True
