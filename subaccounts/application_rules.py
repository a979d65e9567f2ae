"""Judge what applications and endpoints are told: names, addresses, methods, passwords of phones."""

import hashlib
import json
import re
from urllib.parse import urlsplit

from accounts.names import is_unseen
from console.core.addresses import parse_address
from console.core.errors import DomainError

URL_LIMIT = 1000
NAME_LIMIT = 100
USERNAME_LIMIT = 25
PASSWORD_LEAST, PASSWORD_LIMIT = 5, 100
METHODS = ("GET", "POST")
_WORD = re.compile(r"[A-Za-z0-9_-]+")
_USERNAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_PORTS = range(1, 65536)
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
# What RFC 3986 lets stand in an address; anything else has to be encoded.
_URL = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
_HOST_LIMIT = 253


class ResourceRefused(DomainError):
    """A value that an application or an endpoint cannot keep; ``field`` says which."""

    code = "refused_value"


def check_word(field: str, text: str, *, what: str) -> str:
    """Return a name of letters, digits, ``-`` and ``_``.

    :raises ResourceRefused: if it is something else
    """
    if not 1 <= len(text) <= NAME_LIMIT or not _WORD.fullmatch(text):
        reason = f"{what} takes letters, digits, - and _, at most {NAME_LIMIT}."
        raise ResourceRefused(reason, field=field)
    return text


def check_method(field: str, text: str) -> str:
    """Return GET or POST.

    :raises ResourceRefused: if it is something else
    """
    if text not in METHODS:
        raise ResourceRefused(f"{field} must be GET or POST.", field=field)
    return text


def check_url(field: str, text: str) -> str:
    """Return the address of a server, or an empty text.

    :raises ResourceRefused: if it is no address, carries a password, or is too long
    """
    if not text:
        return ""
    if len(text) > URL_LIMIT:
        raise _bad_url(field, f"takes at most {URL_LIMIT} characters")
    if not _URL.fullmatch(text):
        raise _bad_url(field, "must be an address such as https://voice.example.com/answer")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _bad_url(field, "must be an address such as https://voice.example.com/answer") from error
    if parts.scheme not in {"http", "https"}:
        raise _bad_url(field, "must begin with https:// or http://")
    if "@" in parts.netloc:
        raise _bad_url(field, "must not carry a user name or a password")
    if not _is_host(parts.hostname or "") or (port is not None and port not in _PORTS):
        raise _bad_url(field, "must name a server, such as https://voice.example.com/answer")
    return text


def _is_host(name: str) -> bool:
    if ":" in name:
        return parse_address(name) is not None
    labels = name.removesuffix(".").split(".")
    return len(name) <= _HOST_LIMIT and all(_LABEL.fullmatch(label) for label in labels)


def _bad_url(field: str, reason: str) -> ResourceRefused:
    return ResourceRefused(f"{field} {reason}.", field=field)


def check_username(text: str) -> str:
    """Return the beginning of a phone's name, to which the server appends digits.

    :raises ResourceRefused: if it has anything but letters and digits, or does not begin with a letter
    """
    if len(text) > USERNAME_LIMIT or not _USERNAME.fullmatch(text):
        reason = f"username takes letters and digits, at most {USERNAME_LIMIT}, and begins with a letter."
        raise ResourceRefused(reason, field="username")
    return text


def check_password(text: str) -> str:
    """Return the password of a phone.

    :raises ResourceRefused: if it is too short or too long, or has characters that nobody can type
    """
    if not PASSWORD_LEAST <= len(text) <= PASSWORD_LIMIT:
        reason = f"password takes {PASSWORD_LEAST} to {PASSWORD_LIMIT} characters."
        raise ResourceRefused(reason, field="password")
    if any(is_unseen(character) for character in text):
        raise ResourceRefused("password must not have invisible characters.", field="password")
    return text


def digest_hashes(*, username: str, realm: str, password: str) -> bytes:
    """Return what a registrar needs for SIP digest authentication: H(A1) of RFC 8760, by algorithm.

    MD5 stays beside SHA-256 because most desk phones know nothing else.
    """
    text = f"{username}:{realm}:{password}".encode()
    hashes = {
        "MD5": hashlib.md5(text, usedforsecurity=False).hexdigest(),
        "SHA-256": hashlib.sha256(text).hexdigest(),
    }
    return json.dumps({"realm": realm, **hashes}).encode()
