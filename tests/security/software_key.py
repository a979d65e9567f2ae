"""A security key in software: real key pairs and real signatures, and every way of getting them wrong."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, MAY_SYNC, IS_SYNCED, HAS_KEY = 0x01, 0x04, 0x08, 0x10, 0x40
AAGUID = bytes(range(16))


def encoded(data: bytes) -> str:
    """Return base64url without padding."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """Return the bytes of base64url without padding."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class SoftwareKey:
    """One credential of one authenticator."""

    origin: str
    host: str
    counts: bool = True
    is_synced: bool = False
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    counter: int = 0
    user_handle: bytes = b""

    def register(self, options: dict[str, Any], **changes: Any) -> str:
        """Answer the options as ``navigator.credentials.create`` would; ``changes`` spoil the answer."""
        self.user_handle = decoded(options["user"]["id"])
        client_data = self._client_data("webauthn.create", options, changes)
        key = bytes(changes.get("public_key", self.public_key))
        named = AAGUID + len(self.credential_id).to_bytes(2, "big") + self.credential_id + key
        data = self._data(changes, HAS_KEY, named)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": encoded(client_data),
            "attestationObject": encoded(changes.get("attestation", attestation)),
            "transports": ["usb", "nfc", "carrier-pigeon"],
        }
        return self._answer(response, changes)

    def use(self, options: dict[str, Any], **changes: Any) -> str:
        """Answer the options as ``navigator.credentials.get`` would; ``changes`` spoil the answer."""
        client_data = self._client_data("webauthn.get", options, changes)
        data = self._data(changes)
        signed = data + hashlib.sha256(client_data).digest()
        signer = changes.get("private", self.private)
        response = {
            "clientDataJSON": encoded(client_data),
            "authenticatorData": encoded(data),
            "signature": encoded(changes.get("signature") or signer.sign(signed, ec.ECDSA(hashes.SHA256()))),
            "userHandle": encoded(changes.get("user_handle", self.user_handle)),
        }
        return self._answer(response, changes)

    @property
    def public_key(self) -> bytes:
        """Return the public half as COSE (ES256)."""
        point = self.private.public_key().public_numbers()
        x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def _client_data(self, kind: str, options: dict[str, Any], changes: dict[str, Any]) -> bytes:
        said = {
            "type": changes.get("kind", kind),
            "challenge": changes.get("challenge", options["challenge"]),
            "origin": changes.get("origin", self.origin),
            "crossOrigin": changes.get("cross_origin", False),
        }
        if "top_origin" in changes:
            said["topOrigin"] = changes["top_origin"]
        return json.dumps(said).encode()

    def _data(self, changes: dict[str, Any], flags: int = 0, rest: bytes = b"") -> bytes:
        if self.counts:
            self.counter += 1
        counter = changes.get("counter", self.counter)
        flags |= PRESENT | VERIFIED | ((MAY_SYNC | IS_SYNCED) if self.is_synced else 0)
        flags = changes.get("flags", flags)
        host = changes.get("host", self.host)
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + counter.to_bytes(4, "big") + rest

    def _answer(self, response: dict[str, Any], changes: dict[str, Any]) -> str:
        name = encoded(changes.get("credential_id", self.credential_id))
        return json.dumps(
            {"id": name, "rawId": name, "type": changes.get("type", "public-key"), "response": response}
        )
