"""Say who signed in, if a Response says so to us, now, and in answer to our question.

Sources: SAML core 2.0 sections 2 and 3.2.2, SAML profiles 2.0 section 4.1.4 (web browser SSO).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import xmlsec
from cryptography import x509
from lxml import etree

from security.sso import signature
from security.sso.messages import (
    DS,
    SAML,
    SAMLP,
    XENC,
    MessageRefused,
    check_assertion,
    decode_post,
    only_child,
    parse,
    read_response,
    text_of,
)

_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_ENTITY = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
_ENC11, _ENC = "http://www.w3.org/2009/xmlenc11#", "http://www.w3.org/2001/04/xmlenc#"
_AUTHENTICATED = frozenset(f"{_ENC11}aes{bits}-gcm" for bits in (128, 192, 256))
_UNAUTHENTICATED = frozenset(f"{_ENC}aes{bits}-cbc" for bits in (128, 192, 256))
_WRAPS = frozenset({f"{_ENC}rsa-oaep-mgf1p", f"{_ENC11}rsa-oaep"})
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?Z")
LEEWAY = timedelta(minutes=2)
_LONGEST_TEXT, _LONGEST_NAME, _MOST_VALUES = 1000, 255, 500
_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a Response must match: our addresses, the connection's provider, and the request it answers."""

    acs_url: str
    entity_id: str
    issuer: str
    certificates: Sequence[x509.Certificate]
    request_id: str = ""
    keys_pem: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a provider asserted. ``attributes`` maps names to their values, in order."""

    assertion_id: str
    issuer: str
    name_id: str
    name_id_format: str
    session_index: str
    ends_at: datetime
    authn_context: str
    authn_at: datetime | None
    session_ends_at: datetime | None
    attributes: Mapping[str, tuple[str, ...]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Posted:
    """A Response that has the right shape; nothing in it is believed yet, not even which request it answers."""

    root: etree._Element
    carried: etree._Element

    @property
    def request_id(self) -> str:
        """Return which request the Response says it answers; its signed part must say the same."""
        return self.root.get("InResponseTo", "")


def open_posted(text: str) -> Posted:
    """Return a posted SAMLResponse, parsed once: this tree is checked, and this tree is read.

    :raises MessageRefused: if its shape is another than that of one Response with one assertion
    """
    root = parse(decode_post(text))
    return Posted(root, read_response(root))


def read_posted(posted: Posted, *, expected: Expected, now: datetime) -> Assertion:
    """Return what a posted Response asserts.

    :raises MessageRefused: with the reason, if anything is not as it must be
    """
    root, node = posted.root, posted.carried
    is_response_signed = signature.is_signed(root, expected.certificates)
    _check_envelope(root, expected, is_signed=is_response_signed)
    if node.tag == f"{SAML}EncryptedAssertion":
        node = _decrypted(node, expected.keys_pem, is_signed=is_response_signed)
    _check_signatures(root, node)
    if not signature.is_signed(node, expected.certificates):
        raise MessageRefused("the assertion is not signed")
    return _read(node, expected, now)


def _check_signatures(root: etree._Element, assertion: etree._Element) -> None:
    """Refuse a signature in any place but the Response itself and the Assertion itself."""
    trees = [root] if assertion.getroottree().getroot() is root else [root, assertion]
    for found in (node for tree in trees for node in tree.iter(f"{DS}Signature")):
        if found.getparent() not in (root, assertion):
            raise MessageRefused("a signature in an odd place")


def _check_envelope(root: etree._Element, expected: Expected, *, is_signed: bool) -> None:
    status = only_child(root, f"{SAMLP}Status")
    code = only_child(status, f"{SAMLP}StatusCode") if status is not None else None
    if code is None or code.get("Value") != _SUCCESS:
        raise MessageRefused("the provider reports a failure")
    destination = root.get("Destination")
    if (destination or is_signed) and destination != expected.acs_url:
        raise MessageRefused("Destination is not our address")
    if (root.get("InResponseTo") or "") != expected.request_id:
        raise MessageRefused("InResponseTo is not our request")
    issuer = only_child(root, f"{SAML}Issuer")
    if issuer is not None:
        _check_issuer(issuer, expected)


def _check_issuer(node: etree._Element | None, expected: Expected) -> None:
    if node is None or text_of(node) != expected.issuer or node.get("Format", _ENTITY) != _ENTITY:
        raise MessageRefused("Issuer is not the connection's provider")


def _decrypted(carried: etree._Element, keys_pem: Sequence[bytes], *, is_signed: bool) -> etree._Element:
    """Return the assertion inside, parsed and checked like any other; CBC only inside a signed Response."""
    data = only_child(carried, f"{XENC}EncryptedData")
    if data is None or any(True for _ in carried.iter(f"{XENC}CipherReference", f"{DS}RetrievalMethod")):
        raise MessageRefused("an encrypted assertion of another shape")
    allowed = _AUTHENTICATED | (_UNAUTHENTICATED if is_signed else frozenset())
    for method in carried.iter(f"{XENC}EncryptionMethod"):
        is_wrap = method.getparent().tag == f"{XENC}EncryptedKey"
        if method.get("Algorithm") not in (_WRAPS if is_wrap else allowed):
            raise MessageRefused("the encryption is too weak or unknown")
    for key in keys_pem:
        manager = xmlsec.KeysManager()
        manager.add_key(xmlsec.Key.from_memory(key, xmlsec.constants.KeyDataFormatPem))
        try:
            plain = xmlsec.EncryptionContext(manager).decrypt(_copy_of(data))
        except xmlsec.Error:
            continue
        if isinstance(plain, bytes):
            raise MessageRefused("the encryption does not say that it holds an element")
        return _inner(etree.tostring(plain))
    raise MessageRefused("none of our keys opens the assertion")


def _copy_of(data: etree._Element) -> etree._Element:
    """Return the same node of a copy of its document: what is inside may use the document's prefixes."""
    root = parse(etree.tostring(data.getroottree()))
    return next(root.iter(f"{XENC}EncryptedData"))


def _inner(xml: bytes) -> etree._Element:
    node = parse(xml)
    if node.tag != f"{SAML}Assertion" or any(child is not node for child in node.iter(f"{SAML}Assertion")):
        raise MessageRefused("no single assertion inside the encryption")
    check_assertion(node)
    return node


def _read(node: etree._Element, expected: Expected, now: datetime) -> Assertion:
    _check_issuer(only_child(node, f"{SAML}Issuer"), expected)
    _check_conditions(only_child(node, f"{SAML}Conditions"), expected, now)
    subject = only_child(node, f"{SAML}Subject")
    name = only_child(subject, f"{SAML}NameID") if subject is not None else None
    if subject is None or name is None or not 0 < len(text_of(name)) <= _LONGEST_NAME:
        raise MessageRefused("no NameID, or one that is too long")
    ends_at = _check_confirmation(subject, expected, now)
    statement = _authentication(node, now)
    context = statement.find(f"{SAML}AuthnContext/{SAML}AuthnContextClassRef")
    return Assertion(
        assertion_id=str(node.get("ID")),
        issuer=expected.issuer,
        name_id=text_of(name),
        name_id_format=name.get("Format", "")[:100],
        session_index=statement.get("SessionIndex", "")[:_LONGEST_NAME],
        ends_at=ends_at,
        authn_context=text_of(context),
        authn_at=instant_of(statement.get("AuthnInstant")),
        session_ends_at=instant_of(statement.get("SessionNotOnOrAfter")),
        attributes=_attributes(node),
    )


def _check_conditions(node: etree._Element | None, expected: Expected, now: datetime) -> None:
    if node is None or node.get("NotOnOrAfter") is None:
        raise MessageRefused("no Conditions with an end")
    _check_window(node, now)
    restrictions = node.findall(f"{SAML}AudienceRestriction")
    if not restrictions:
        raise MessageRefused("no AudienceRestriction")
    for restriction in restrictions:
        if expected.entity_id not in [
            text_of(audience) for audience in restriction.findall(f"{SAML}Audience")
        ]:
            raise MessageRefused("Audience is not our entity ID")


def _check_window(node: etree._Element, now: datetime) -> None:
    begins, ends = instant_of(node.get("NotBefore")), instant_of(node.get("NotOnOrAfter"))
    if begins and now + LEEWAY < begins:
        raise MessageRefused("not valid yet")
    if ends and now - LEEWAY >= ends:
        raise MessageRefused("expired")


def _check_confirmation(subject: etree._Element, expected: Expected, now: datetime) -> datetime:
    """Return when the bearer confirmation ends; exactly one must be ours."""
    confirmations = subject.findall(f"{SAML}SubjectConfirmation")
    bearers = [node for node in confirmations if node.get("Method") == _BEARER]
    data = only_child(bearers[0], f"{SAML}SubjectConfirmationData") if len(bearers) == 1 else None
    if data is None:
        raise MessageRefused("no single bearer confirmation")
    ends = instant_of(data.get("NotOnOrAfter"))
    if ends is None or data.get("NotBefore") is not None:
        raise MessageRefused("a bearer confirmation must have an end and no beginning")
    _check_window(data, now)
    if data.get("Recipient") != expected.acs_url:
        raise MessageRefused("Recipient is not our address")
    if (data.get("InResponseTo") or "") != expected.request_id:
        raise MessageRefused("InResponseTo is not our request")
    return ends


def _authentication(node: etree._Element, now: datetime) -> etree._Element:
    """Return the one statement of how and when the person signed in there."""
    statement = only_child(node, f"{SAML}AuthnStatement")
    if statement is None:
        raise MessageRefused("no AuthnStatement")
    ends = instant_of(statement.get("SessionNotOnOrAfter"))
    if ends and now - LEEWAY >= ends:
        raise MessageRefused("the provider's session has ended")
    begun = instant_of(statement.get("AuthnInstant"))
    if begun and now + LEEWAY < begun:
        raise MessageRefused("not valid yet")
    return statement


def _attributes(node: etree._Element) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for attribute in node.iterfind(f"{SAML}AttributeStatement/{SAML}Attribute"):
        name = attribute.get("Name", "")[:_LONGEST_TEXT]
        # A value with elements inside is none that anything here asks for.
        leaves = (value for value in attribute.findall(f"{SAML}AttributeValue") if not len(value))
        values = tuple(text_of(value)[:_LONGEST_TEXT] for value in leaves)
        found[name] = (*found.get(name, ()), *values)
    if sum(map(len, found.values())) > _MOST_VALUES:
        raise MessageRefused("too many attribute values")
    return found


def instant_of(text: str | None) -> datetime | None:
    """Return the instant that an attribute names, or None without one; far ones are moved to where sums still work.

    :raises MessageRefused: if it is not in UTC, or does not exist
    """
    if text is None:
        return None
    found = _TIME.fullmatch(text)
    if found is None:
        raise MessageRefused("a time that is not in UTC")
    try:
        return min(max(datetime.fromisoformat(found[1]).replace(tzinfo=UTC), _FIRST), _LAST)
    except ValueError as error:
        raise MessageRefused("a time that does not exist") from error
