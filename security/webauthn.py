"""Put questions to passkeys and check what browsers answer (W3C Web Authentication, level 3)."""

import json
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from webauthn import (  # noqa: TID251 - the one importer
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (  # noqa: TID251 - the one importer
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    options_to_json_dict,
    parse_authentication_credential_json,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (  # noqa: TID251 - the one importer
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

LONGEST_ANSWER = 20_000
LONGEST_ID = 1023
_CHALLENGE_BYTES = 32
_PORTS = {"http": 80, "https": 443}
_PREFERRED = UserVerificationRequirement.PREFERRED
_SELECTION = AuthenticatorSelectionCriteria(
    resident_key=ResidentKeyRequirement.PREFERRED, user_verification=_PREFERRED
)
_log = logging.getLogger("console.passkeys")
Checked = TypeVar("Checked")


class AnswerRefused(Exception):
    """The answer does not fit the question, the site, the key or the person."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key that the person has: its id, and how browsers reach it."""

    credential_id: bytes
    transports: Sequence[str]


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that an authenticator made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    aaguid: UUID
    is_backed_up: bool
    transports: list[str]


@dataclass(frozen=True, slots=True)
class Use:
    """A proved use of a key: the authenticator's counter, and whether the key is kept in several places."""

    sign_count: int
    is_backed_up: bool


def new_challenge() -> bytes:
    """Return 256 random bits."""
    return secrets.token_bytes(_CHALLENGE_BYTES)


def site_id() -> str:
    """Return the name that keys are bound to: the host of the console's address."""
    return urlsplit(settings.BASE_URL).hostname or ""


def site_origin() -> str:
    """Return the console's address as browsers write an origin: lower case, without the scheme's own port."""
    parts = urlsplit(settings.BASE_URL)
    port = "" if parts.port in {None, _PORTS.get(parts.scheme)} else f":{parts.port}"
    return f"{parts.scheme}://{site_id()}{port}"


def registration_options(
    *, user_id: bytes, email: str, name: str, challenge: bytes, known: Sequence[KnownKey], seconds: int
) -> dict[str, Any]:
    """Return what the browser needs to make a key; authenticators that hold one of the known keys refuse."""
    options = generate_registration_options(
        rp_id=site_id(),
        rp_name=settings.SITE_NAME,
        user_id=user_id,
        user_name=email,
        user_display_name=name,
        challenge=challenge,
        timeout=seconds * 1000,
        authenticator_selection=_SELECTION,
        exclude_credentials=[_described(key) for key in known],
    )
    return options_to_json_dict(options)


def assertion_options(*, challenge: bytes, known: Sequence[KnownKey], seconds: int) -> dict[str, Any]:
    """Return what the browser needs to use one of the known keys."""
    options = generate_authentication_options(
        rp_id=site_id(),
        challenge=challenge,
        timeout=seconds * 1000,
        allow_credentials=[_described(key) for key in known],
        user_verification=_PREFERRED,
    )
    return options_to_json_dict(options)


def _described(key: KnownKey) -> PublicKeyCredentialDescriptor:
    transports = [AuthenticatorTransport(name) for name in key.transports]
    return PublicKeyCredentialDescriptor(id=key.credential_id, transports=transports or None)


def check_registration(answer: str, *, challenge: bytes) -> NewKey:
    """Return the new key of an answer that fits the question.

    :raises AnswerRefused: for anything else
    """
    return _guarded(lambda: _check_registration(answer, challenge))


def _check_registration(answer: str, challenge: bytes) -> NewKey:
    credential = parse_registration_credential_json(answer)
    _refuse_framed(credential.response.client_data_json)
    made = verify_registration_response(
        credential=credential,
        expected_challenge=challenge,
        expected_rp_id=site_id(),
        expected_origin=site_origin(),
    )
    if len(made.credential_id) > LONGEST_ID or made.credential_id != credential.raw_id:
        raise AnswerRefused("the id is too long, or not that of the key")
    # A key that is none, such as a point off its curve, breaks here and not at its first use.
    decoded_public_key_to_cryptography(decode_credential_public_key(made.credential_public_key))
    transports = credential.response.transports or []
    return NewKey(
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        aaguid=UUID(made.aaguid),
        is_backed_up=made.credential_backed_up,
        transports=sorted({transport.value for transport in transports}),
    )


def named_key(answer: str) -> bytes:
    """Return the id of the key that the answer claims to come from.

    :raises AnswerRefused: if it names none
    """
    return _guarded(lambda: bytes(parse_authentication_credential_json(answer).raw_id))


def check_assertion(answer: str, *, challenge: bytes, public_key: bytes, user_id: bytes) -> Use:
    """Return the use that the answer proves; the counter is for the caller to judge.

    :raises AnswerRefused: if the key did not sign this question, for this site and this person
    """
    return _guarded(lambda: _check_assertion(answer, challenge, public_key, user_id))


def _check_assertion(answer: str, challenge: bytes, public_key: bytes, user_id: bytes) -> Use:
    credential = parse_authentication_credential_json(answer)
    _refuse_framed(credential.response.client_data_json)
    if credential.response.user_handle not in {None, b"", user_id}:
        raise AnswerRefused("the key belongs to somebody else")
    proved = verify_authentication_response(
        credential=credential,
        expected_challenge=challenge,
        expected_rp_id=site_id(),
        expected_origin=site_origin(),
        credential_public_key=public_key,
        credential_current_sign_count=0,
    )
    return Use(sign_count=proved.new_sign_count, is_backed_up=proved.credential_backed_up)


def _refuse_framed(client_data: bytes) -> None:
    """Refuse an answer that was given inside another site's page; the library does not look."""
    said = json.loads(client_data)
    if said.get("crossOrigin") or "topOrigin" in said:
        raise AnswerRefused("the question was asked inside another site")


def _guarded(check: Callable[[], Checked]) -> Checked:
    try:
        return check()
    except Exception as error:
        # A hostile answer can break the parsers of JSON, CBOR and keys in many ways. Each is a refusal.
        _log.info("answer of a passkey refused", extra={"reason": f"{type(error).__name__}: {error}"[:200]})
        raise AnswerRefused(str(error)) from error
