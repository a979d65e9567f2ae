"""Stop tokens that others got hold of: reported by a scanner, or burned by whoever found them."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.db import transaction

from accounts.models import ApiIdentity, Credential, TokenScanner
from accounts.queries.leaks import find_by_digest, find_scanner
from accounts.queries.rules import network_key
from console.core import crypto
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.ratelimit import Limit, spend
from console.core.requests import Origin

_LONGEST_SIGNATURE = 200
_LONGEST_URL = 2000


class SignatureRefused(DomainError):
    """The report is not signed by a scanner that the staff know."""

    code = "bad_signature"


class KeyRefused(DomainError):
    """The text is no public key with which reports can be signed."""

    code = "bad_key"
    field = "public_key"


@dataclass(frozen=True, slots=True)
class Found:
    """One line of a report: what looks like a token, and where in public it was seen."""

    token: str
    kind: str
    url: str = ""
    source: str = ""


def read_key(pem: str) -> ec.EllipticCurvePublicKey:
    """Return the public key on the curve P-256.

    :raises KeyRefused: if the text holds anything else
    """
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyRefused("Paste the public key in PEM form, from -----BEGIN PUBLIC KEY----- on.") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyRefused("The key must be an elliptic-curve key on P-256 (prime256v1).")
    return key


def check_report(*, key_id: str, signature: str, body: bytes, now: datetime) -> TokenScanner:
    """Return who signed these bytes (ECDSA on P-256 with SHA-256, DER in base64).

    :raises SignatureRefused: whatever is wrong, in the same words
    :raises TooManyRequests: if the scanner sends more reports than it may
    """
    scanner = find_scanner(key_id)
    if scanner is None or not _is_signed(scanner, signature, body):
        raise SignatureRefused("the signature is wrong, or its key is not known")
    limit = Limit("token-report", settings.CONSOLE_TOKEN_REPORTS, 60)
    spend(limit, str(scanner.pk), now=now)
    return scanner


def _is_signed(scanner: TokenScanner, signature: str, body: bytes) -> bool:
    try:
        raw = base64.b64decode(signature[:_LONGEST_SIGNATURE], validate=True)
        read_key(scanner.public_key).verify(raw, body, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, binascii.Error, ValueError, KeyRefused):
        return False
    return True


def take_report(
    *, scanner: TokenScanner, found: Sequence[Found], origin: Origin, now: datetime
) -> list[dict[str, str]]:
    """Revoke what is live of the reported tokens, and say of each whether it was one of ours.

    One query answers a report in which nothing is ours. The same report again changes nothing.
    """
    digests = {crypto.token_digest(each.token): each for each in found if _may_be_ours(each.token)}
    known = find_by_digest(list(digests))
    with transaction.atomic():
        for credential in _lock_live(known.values(), now=now):
            line = digests[bytes(credential.digest)]
            facts = {"scanner": scanner.name, "url": _public(line.url), "source": line.source[:40]}
            _stop(credential, Credential.End.LEAKED, origin=origin, now=now, facts=facts)
    return [_answer(each, is_ours=crypto.token_digest(each.token) in known) for each in found]


def _may_be_ours(text: str) -> bool:
    return crypto.is_token(text, prefix=settings.CONSOLE_TOKEN_PREFIX)


def _public(url: str) -> str:
    """Return a web address that may be shown to people, or nothing."""
    is_web = url.startswith(("https://", "http://")) and len(url) <= _LONGEST_URL
    return url if is_web and url.isprintable() and " " not in url else ""


def _answer(each: Found, *, is_ours: bool) -> dict[str, str]:
    # The digest, and not the token: an answer may end up in somebody's log.
    return {
        "token_hash": hashlib.sha256(each.token.encode()).hexdigest(),
        "token_type": each.kind,
        "label": "true_positive" if is_ours else "false_positive",
    }


def burn(*, token: str, origin: Origin, now: datetime) -> None:
    """Stop the token if it is live. Who holds it may do so, from anywhere; nothing says whether it was one.

    :raises TooManyRequests: if the network burns more than it may
    """
    limit = Limit("token-burn", settings.CONSOLE_BURNS_PER_ADDRESS_HOUR, 3600)
    spend(limit, network_key(origin.ip), now=now)
    if not _may_be_ours(token):
        return
    known = find_by_digest([crypto.token_digest(token)])
    with transaction.atomic():
        for credential in _lock_live(known.values(), now=now):
            _stop(credential, Credential.End.BURNED, origin=origin, now=now, facts={})


def _lock_live(known: Any, *, now: datetime) -> list[Credential]:
    """Lock the identities in one order, and return the tokens that are live still."""
    live = [each for each in known if each.is_live(now)]
    if not live:
        return []
    ids = sorted({each.identity_id for each in live})
    list(ApiIdentity.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
    rows = Credential.objects.filter(pk__in=[each.pk for each in live]).order_by("identity_id", "pk")
    return [row for row in rows.select_related("identity__account") if row.is_live(now)]


def _stop(credential: Credential, end: str, *, origin: Origin, now: datetime, facts: dict[str, Any]) -> None:
    credential.ended_at, credential.end_reason = max(now, credential.made_at), end
    credential.save(update_fields=["ended_at", "end_reason"])
    kinds = {
        Credential.End.LEAKED: EventKind.CREDENTIAL_LEAKED,
        Credential.End.BURNED: EventKind.CREDENTIAL_BURNED,
    }
    actor = Actor(account=credential.identity.account, kind="system", origin=origin)
    facts = {"token": str(credential), "name": credential.name, **facts}
    record(kinds[Credential.End(end)], actor=actor, target=credential, **facts)
