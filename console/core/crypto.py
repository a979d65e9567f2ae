"""Encrypt fields at rest, and make and recognise high-entropy tokens: the only user of ciphers.

Ciphertext layout: version byte 1, length of the key id, key id, 12-byte nonce, AES-256-GCM output
(NIST SP 800-38D). The associated data names the row, so that a value copied to another row does not open.
"""

import hashlib
import hmac
import os
import secrets
import string
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_VERSION = 1
_NONCE_BYTES = 12
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_TOKEN_RANDOM = 36
_CHECKSUM = 6


class Undecryptable(Exception):
    """The ciphertext was altered, belongs to another row, or its key is gone."""


def encrypt(plain: bytes, *, context: str) -> bytes:
    """Encrypt with the newest key; ``context`` names table, column and row."""
    key_id, key = next(iter(settings.FIELD_KEYS.items()))
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, plain, context.encode())
    return bytes([_VERSION, len(key_id)]) + key_id.encode() + nonce + sealed


def decrypt(sealed: bytes, *, context: str) -> bytes:
    """Decrypt what ``encrypt`` made for the same context.

    :raises Undecryptable: if the value was altered, moved, or its key is not in the ring
    """
    key = settings.FIELD_KEYS.get(key_id_of(sealed))
    start = 2 + sealed[1]
    if key is None:
        raise Undecryptable(f"Key {key_id_of(sealed)!r} is not in the ring.")
    try:
        nonce, body = sealed[start : start + _NONCE_BYTES], sealed[start + _NONCE_BYTES :]
        return AESGCM(key).decrypt(nonce, body, context.encode())
    except (InvalidTag, ValueError) as error:
        raise Undecryptable(f"A value of {context} cannot be read.") from error


def key_id_of(sealed: bytes) -> str:
    """Return the id of the key that sealed the value.

    :raises Undecryptable: if the value has another layout
    """
    if len(sealed) < 2 + _NONCE_BYTES or sealed[0] != _VERSION:
        raise Undecryptable("The value has an unknown layout.")
    return sealed[2 : 2 + sealed[1]].decode(errors="replace")


def reseal(sealed: bytes, *, context: str) -> bytes | None:
    """Return the value sealed with the newest key, or None when it is already.

    :raises Undecryptable: if the value was altered, moved, or its key is not in the ring
    """
    if key_id_of(sealed) == next(iter(settings.FIELD_KEYS)):
        return None
    return encrypt(decrypt(sealed, context=context), context=context)


def keyed_digest(text: str, *, purpose: str) -> bytes:
    """Return an HMAC-SHA-256 for short secrets, with a key of its own per purpose."""
    key = hashlib.sha256(f"console.digest.{purpose}:{settings.SECRET_KEY}".encode()).digest()
    return hmac.digest(key, text.encode(), "sha256")


def token_digest(token: str) -> bytes:
    """Return the SHA-256 under which a high-entropy token is stored."""
    return hashlib.sha256(token.encode()).digest()


def same(left: bytes, right: bytes) -> bool:
    """Compare two digests in constant time."""
    return hmac.compare_digest(left, right)


def make_token(prefix: str) -> str:
    """Return ``prefix_`` + 36 random base-62 characters (214 bits) + 6 of checksum.

    Prefix and checksum let secret scanners find a leaked token without asking the server.
    """
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_TOKEN_RANDOM))
    return f"{prefix}_{body}{_checksum(body)}"


def token_length(prefix: str) -> int:
    """Return how many characters a token with the prefix has."""
    return len(prefix) + 1 + _TOKEN_RANDOM + _CHECKSUM


def is_token(text: str, *, prefix: str) -> bool:
    """Say whether the text has the shape and checksum of a token."""
    head, _, rest = text.partition("_")
    body, checksum = rest[:_TOKEN_RANDOM], rest[_TOKEN_RANDOM:]
    return head == prefix and len(rest) == _TOKEN_RANDOM + _CHECKSUM and checksum == _checksum(body)


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


def random_digits(count: int) -> str:
    """Return uniformly random decimal digits, leading zeros included."""
    return "".join(secrets.choice(string.digits) for _ in range(count))


def random_name(count: int) -> str:
    """Return random characters of ``A-Z0-9``, for public identifiers."""
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(count))
