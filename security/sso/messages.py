"""Read SAML messages strictly, before anything else sees them: one decoding, one parse, one shape.

Sources: SAML bindings 2.0 (3.4.4.1 DEFLATE, 3.5.4 POST), SAML core 2.0 schema order, RFC 4648.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Sequence
from itertools import pairwise

from lxml import etree

SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
SAMLP = "{urn:oasis:names:tc:SAML:2.0:protocol}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
XENC = "{http://www.w3.org/2001/04/xmlenc#}"
MOST_BYTES = 256 * 1024
_MOST_DEPTH = 32
_ID_NAMES = frozenset({"ID", "Id", "id", "iD", "{http://www.w3.org/XML/1998/namespace}id"})
_ID = re.compile(r"[A-Za-z_][A-Za-z0-9._-]{0,199}")
_RESPONSE = ("Issuer", "Signature", "Extensions", "Status", "Assertion", "EncryptedAssertion")
_ASSERTION = (
    "Issuer",
    "Signature",
    "Subject",
    "Conditions",
    "Advice",
    "AuthnStatement",
    "AuthzDecisionStatement",
    "AttributeStatement",
)


class MessageRefused(Exception):
    """The message is not one that we read. ``reason`` is for logs and the test page; it holds no identity."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decode_post(text: str) -> bytes:
    """Return the XML of a posted message: plain base64, nothing deflated.

    :raises MessageRefused: if it is too large or not exactly base64
    """
    if len(text) > MOST_BYTES * 2:
        raise MessageRefused("too large")
    return _exact_base64("".join(text.split()))


def decode_redirect(text: str) -> bytes:
    """Return the XML of a message in an address: base64 of a raw DEFLATE stream, of bounded size.

    :raises MessageRefused: if it is too large, or anything follows the stream
    """
    if len(text) > MOST_BYTES:
        raise MessageRefused("too large")
    stream = zlib.decompressobj(-15)
    try:
        inflated = stream.decompress(_exact_base64(text), MOST_BYTES + 1)
    except zlib.error as error:
        raise MessageRefused("not a DEFLATE stream") from error
    if len(inflated) > MOST_BYTES or not stream.eof or stream.unused_data:
        raise MessageRefused("not one DEFLATE stream of a size we read")
    return inflated


def _exact_base64(text: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MessageRefused("not base64") from error
    if not decoded or base64.b64encode(decoded).decode() != text:
        raise MessageRefused("not base64 in its one form")
    return decoded


def parse(xml: bytes) -> etree._Element:
    """Return the root of a document without types, entities, comments, instructions or doubtful identifiers.

    :raises MessageRefused: if the document holds any of these
    """
    if len(xml) > MOST_BYTES:
        raise MessageRefused("too large")
    if b"<!" in xml:
        raise MessageRefused("declarations, comments and CDATA are not read")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, encoding="utf-8"
    )
    try:
        root = etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise MessageRefused("not well-formed XML in UTF-8") from error
    _check_nodes(root)
    return root


def _check_nodes(root: etree._Element) -> None:
    seen: set[str] = set()
    if root.getprevious() is not None or root.getnext() is not None:
        raise MessageRefused("processing instructions are not read")
    if is_deeper(root, _MOST_DEPTH):
        raise MessageRefused("nested too deeply")
    for node in root.iter():
        if not isinstance(node.tag, str):
            raise MessageRefused("processing instructions are not read")
        for name in _ID_NAMES & set(node.attrib):
            value = str(node.get(name))
            if not _ID.fullmatch(value) or value in seen:
                raise MessageRefused("identifiers must be plain and unique")
            seen.add(value)


def is_deeper(root: etree._Element, most: int) -> bool:
    """Say whether elements are nested more deeply than so many levels."""
    level = [root]
    for _ in range(most):
        level = [child for node in level for child in node]
    return bool(level)


def read_response(root: etree._Element) -> etree._Element:
    """Return the one Assertion or EncryptedAssertion of a Response, wherever else none may be.

    :raises MessageRefused: if the shape is any other
    """
    if root.tag != f"{SAMLP}Response" or root.get("Version") != "2.0" or not root.get("ID"):
        raise MessageRefused("not a SAML 2.0 Response")
    _check_order(root, _RESPONSE)
    kinds = (f"{SAML}Assertion", f"{SAML}EncryptedAssertion")
    carried = [node for kind in kinds for node in root.iter(kind)]
    if len(carried) != 1 or carried[0].getparent() is not root:
        raise MessageRefused("a Response must carry exactly one Assertion")
    if any(node is not root for node in root.iter(f"{SAMLP}Response")):
        raise MessageRefused("a Response within a Response")
    if carried[0].tag == kinds[0]:
        check_assertion(carried[0])
    return carried[0]


def check_assertion(node: etree._Element) -> None:
    """Refuse an Assertion of another version or with its parts out of the schema's order.

    :raises MessageRefused: if it is one
    """
    if node.get("Version") != "2.0" or not node.get("ID"):
        raise MessageRefused("not a SAML 2.0 Assertion")
    _check_order(node, _ASSERTION, many=_ASSERTION[5:])


def _check_order(node: etree._Element, order: Sequence[str], *, many: Sequence[str] = ()) -> None:
    ranks = [_rank(child, order, many) for child in node]
    for earlier, later in pairwise(ranks):
        if later < earlier or (later == earlier and order[later] not in many):
            raise MessageRefused("elements out of the schema's order")


def _rank(child: etree._Element, order: Sequence[str], many: Sequence[str]) -> int:
    name = etree.QName(child).localname
    namespace = {"Signature": DS, "Status": SAMLP, "Extensions": SAMLP}.get(name, SAML)
    if name not in order or child.tag != f"{namespace}{name}":
        raise MessageRefused("an element that has no place there")
    return order.index(many[0] if name in many else name)


def only_child(node: etree._Element, tag: str) -> etree._Element | None:
    """Return the child with the tag, or None.

    :raises MessageRefused: if there are several
    """
    found = node.findall(tag)
    if len(found) > 1:
        raise MessageRefused(f"several {etree.QName(tag).localname}")
    return found[0] if found else None


def text_of(node: etree._Element | None) -> str:
    """Return the whole text of a leaf, outer spaces removed.

    :raises MessageRefused: if it has children
    """
    if node is None:
        return ""
    if len(node):
        raise MessageRefused(f"{etree.QName(node).localname} must be plain text")
    return (node.text or "").strip()
