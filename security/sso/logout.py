"""Read logout messages as strictly as any other: signed by the provider, for us, now.

Sources: SAML bindings 2.0 section 3.4.4.1 (the signature is over the query's own octets), SAML core 2.0 section 3.7.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import unquote_plus

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from lxml import etree

from security.sso.assertion import LEEWAY, instant_of
from security.sso.messages import SAML, SAMLP, MessageRefused, decode_redirect, only_child, parse, text_of
from security.sso.signature import is_strong

_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
_LIVES = timedelta(minutes=10)
_LONGEST_RELAY, _LONGEST_NAME = 1000, 255


@dataclass(frozen=True, slots=True)
class LogoutExpected:
    """What a logout message must match: our address and the connection's provider."""

    slo_url: str
    issuer: str
    certificates: Sequence[x509.Certificate]


@dataclass(frozen=True, slots=True)
class LogoutMessage:
    """A provider's wish to end sessions, or its answer to ours; an answer names the request in ``answers``."""

    message_id: str
    relay_state: str
    answers: str = ""
    name_id: str = field(default="", repr=False)
    session_indexes: tuple[str, ...] = ()


def read_logout(query: str, *, expected: LogoutExpected, now: datetime) -> LogoutMessage:
    """Return the logout message of a raw query string.

    :raises MessageRefused: with the reason, if anything is not as it must be
    """
    parts = _parts(query)
    kind = "SAMLRequest" if "SAMLRequest" in parts else "SAMLResponse"
    if kind not in parts or ("SAMLRequest" in parts and "SAMLResponse" in parts):
        raise MessageRefused("not one message")
    _check_signature(parts, kind, expected.certificates)
    root = parse(decode_redirect(unquote_plus(parts[kind])))
    relay_state = unquote_plus(parts.get("RelayState", ""))[:_LONGEST_RELAY]
    _check_head(root, expected, now)
    if kind == "SAMLRequest":
        return _wish(root, relay_state, now)
    if root.tag != f"{SAMLP}LogoutResponse" or not root.get("InResponseTo"):
        raise MessageRefused("not a LogoutResponse")
    return LogoutMessage(str(root.get("ID")), relay_state, answers=str(root.get("InResponseTo")))


def _parts(query: str) -> dict[str, str]:
    """Return the parameters as they were sent: what is signed is their encoded form."""
    parts: dict[str, str] = {}
    for piece in query.split("&"):
        name, _, value = piece.partition("=")
        if name in parts:
            raise MessageRefused("a parameter is there twice")
        parts[name] = value
    return parts


def _check_signature(parts: dict[str, str], kind: str, certificates: Sequence[x509.Certificate]) -> None:
    if "Signature" not in parts or "SigAlg" not in parts:
        raise MessageRefused("the message is not signed")
    names = [name for name in (kind, "RelayState", "SigAlg") if name in parts]
    signed = "&".join(f"{name}={parts[name]}" for name in names).encode()
    family, chosen = _algorithm(unquote_plus(parts["SigAlg"]))
    try:
        value = base64.b64decode(unquote_plus(parts["Signature"]), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MessageRefused("not base64") from error
    keys = [certificate.public_key() for certificate in certificates if is_strong(certificate)]
    if not any(_verifies(key, family, chosen, value, signed) for key in keys):
        raise MessageRefused("the signature is by none of the provider's certificates")


def _algorithm(name: str) -> tuple[str, hashes.HashAlgorithm]:
    family, _, bits = name.removeprefix(_MORE).partition("-sha")
    if not name.startswith(_MORE) or family not in {"rsa", "ecdsa"} or bits not in _HASHES:
        raise MessageRefused("the signature's algorithm is too weak or unknown")
    return family, _HASHES[bits]


def _verifies(key: object, family: str, chosen: hashes.HashAlgorithm, value: bytes, signed: bytes) -> bool:
    try:
        if family == "rsa" and isinstance(key, rsa.RSAPublicKey):
            key.verify(value, signed, PKCS1v15(), chosen)
        elif family == "ecdsa" and isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(value, signed, ec.ECDSA(chosen))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _check_head(root: etree._Element, expected: LogoutExpected, now: datetime) -> None:
    if root.get("Version") != "2.0" or not root.get("ID"):
        raise MessageRefused("not a SAML 2.0 message")
    if root.get("Destination") != expected.slo_url:
        raise MessageRefused("Destination is not our address")
    issuer = only_child(root, f"{SAML}Issuer")
    if text_of(issuer) != expected.issuer:
        raise MessageRefused("Issuer is not the connection's provider")
    made_at = instant_of(root.get("IssueInstant"))
    if made_at is None or not made_at - LEEWAY <= now <= made_at + _LIVES:
        raise MessageRefused("expired")


def _wish(root: etree._Element, relay_state: str, now: datetime) -> LogoutMessage:
    name = only_child(root, f"{SAML}NameID")
    if root.tag != f"{SAMLP}LogoutRequest" or name is None or not text_of(name):
        raise MessageRefused("not a LogoutRequest with a NameID")
    ends = instant_of(root.get("NotOnOrAfter"))
    if ends and now - LEEWAY >= ends:
        raise MessageRefused("expired")
    indexes = tuple(text_of(node)[:_LONGEST_NAME] for node in root.findall(f"{SAMLP}SessionIndex"))
    return LogoutMessage(str(root.get("ID")), relay_state, name_id=text_of(name), session_indexes=indexes)
