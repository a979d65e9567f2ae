"""Write the messages that we send to providers: the only importer of pysaml2.

Each message is made from one connection's facts that come in as arguments. Nothing is kept between calls: pysaml2's
own signers are shared by all threads and hold the key that was put in last, so the signing is done here.

Sources: SAML core 2.0 sections 3.4.1 and 3.7, SAML bindings 2.0 section 3.4 (HTTP-Redirect).
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from saml2 import BINDING_HTTP_POST, saml, samlp
from saml2.pack import http_redirect_message
from saml2.xmldsig import SIG_RSA_SHA256

_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"


@dataclass(frozen=True, slots=True)
class Sender:
    """Our side of a connection: its name, and the key that signs."""

    entity_id: str
    key_pem: bytes


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom the provider knows, under which name, in which of its sessions."""

    name_id: str
    name_id_format: str
    session_indexes: Sequence[str] = ()


class _Signer:
    """Sign with one key; stands where pysaml2 asks its backend for a signer."""

    def __init__(self, key_pem: bytes) -> None:
        key = load_pem_private_key(key_pem, None)
        if not isinstance(key, RSAPrivateKey):
            raise TypeError("A connection's key is an RSA key.")
        self._key = key

    def get_signer(self, algorithm: str) -> "_Signer":
        """Return this signer."""
        return self

    def sign(self, text: bytes) -> bytes:
        """Return the signature by RSA with SHA-256."""
        return self._key.sign(text, PKCS1v15(), SHA256())


def new_id() -> str:
    """Return the identifier of a message: 160 random bits."""
    return f"_{secrets.token_hex(20)}"


def ask_who(
    *, sender: Sender, request_id: str, sso_url: str, acs_url: str, is_forced: bool, now: datetime
) -> str:
    """Return the address that asks the provider who somebody is; forced, it must not use a session it has."""
    request = samlp.AuthnRequest(
        **_head(sender, request_id, sso_url, now),
        assertion_consumer_service_url=acs_url,
        protocol_binding=BINDING_HTTP_POST,
        force_authn="true" if is_forced else None,
        name_id_policy=samlp.NameIDPolicy(allow_create="true"),
    )
    return _address(request, sso_url, sender, "SAMLRequest")


def ask_logout(*, sender: Sender, request_id: str, slo_url: str, subject: Subject, now: datetime) -> str:
    """Return the address that asks the provider to end its session."""
    request = samlp.LogoutRequest(
        **_head(sender, request_id, slo_url, now),
        name_id=saml.NameID(text=subject.name_id, format=subject.name_id_format or None),
        session_index=[samlp.SessionIndex(text=index) for index in subject.session_indexes],
    )
    return _address(request, slo_url, sender, "SAMLRequest")


def answer_logout(
    *, sender: Sender, slo_url: str, in_response_to: str, relay_state: str, now: datetime
) -> str:
    """Return the address that tells the provider that its wish was carried out."""
    response = samlp.LogoutResponse(
        **_head(sender, new_id(), slo_url, now),
        in_response_to=in_response_to,
        status=samlp.Status(status_code=samlp.StatusCode(value=_SUCCESS)),
    )
    return _address(response, slo_url, sender, "SAMLResponse", relay_state)


def _head(sender: Sender, message_id: str, destination: str, now: datetime) -> dict[str, Any]:
    return {
        "id": message_id,
        "version": "2.0",
        "issue_instant": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "destination": destination,
        "issuer": saml.Issuer(text=sender.entity_id),
    }


def _address(message: object, location: str, sender: Sender, kind: str, relay_state: str = "") -> str:
    made = http_redirect_message(
        str(message),
        location,
        relay_state=relay_state,
        typ=kind,
        sigalg=SIG_RSA_SHA256,
        sign=True,
        backend=_Signer(sender.key_pem),
    )
    return str(dict(made["headers"])["Location"])
