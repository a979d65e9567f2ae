"""Read the usage that the platform reports, one event at a time: pure rules, JSON in, checked values out."""

import hashlib
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, NamedTuple

from billing.pricing import NumberType
from console.core.errors import DomainError

_AUTH_ID = re.compile(r"(MA|SA)[A-Z0-9]{18}")
_FAR_END = re.compile(r"[A-Za-z0-9+@._ -]{1,128}")
_NETWORK = re.compile(r"[^\x00-\x1f\x7f]{0,80}")
_COUNTRY = re.compile(r"[A-Z]{2}|")
_NOT_DIGITS = re.compile(r"[^0-9]")
_KINDS = {"call": "voice", "message": "message"}
_DIRECTIONS = {"outbound", "inbound"}
_STATUSES = {
    "call": {"completed", "busy", "no-answer", "canceled", "failed"},
    "message": {"delivered", "sent", "received", "undelivered", "failed"},
}
_NUMBER_TYPES = {each.value for each in NumberType} | {""}
_MOST_SECONDS, _MOST_SEGMENTS = 86_400, 100


class EventRefused(DomainError):
    """One event of a batch is refused; ``code`` is a word that stays."""


class UsageReport(NamedTuple):
    """One checked event, with its place in the batch. ``quantity`` is in seconds of a call or segments of a message; ``digest`` stands for all of it."""

    place: int
    event_id: uuid.UUID
    auth_id: str
    kind: str
    direction: str
    at: datetime
    quantity: int
    from_number: str
    to_number: str
    status: str
    country: str
    number_type: str
    network: str
    ip: str | None
    digest: bytes

    @property
    def service(self) -> str:
        """Return what is priced."""
        return _KINDS[self.kind]

    @property
    def number(self) -> str:
        """Return the number that decides the price, in digits: the far end going out, the account's own coming in."""
        return _NOT_DIGITS.sub("", self.to_number)[:15]


def read_event(place: int, value: Any, *, since: datetime, until: datetime) -> UsageReport:
    """Return the checked event; it must have happened between the two instants.

    :raises EventRefused: with the reason
    """
    if not isinstance(value, dict):
        raise EventRefused("an event must be an object", code="not_an_object")
    kind = _word(value, "kind", _KINDS)
    checked = (
        _event_id(value),
        _matching(value, "auth_id", _AUTH_ID, "must be an Auth ID"),
        kind,
        _word(value, "direction", _DIRECTIONS),
        _instant(value, since, until),
        _quantity(value, kind),
        _matching(value, "from", _FAR_END, "must be a number, a name or a SIP address"),
        _matching(value, "to", _FAR_END, "must be a number, a name or a SIP address"),
        _word(value, "status", _STATUSES[kind]),
        _matching(value, "country", _COUNTRY, "must be two capital letters", default=""),
        _word(value, "number_type", _NUMBER_TYPES, default=""),
        _matching(value, "network", _NETWORK, "must be at most 80 characters of text", default=""),
        _address(value),
    )
    return UsageReport(place, *checked, _digest(checked))


def _digest(checked: tuple[Any, ...]) -> bytes:
    return hashlib.blake2b(repr(checked).encode(), digest_size=16).digest()


def _text(value: Mapping[str, Any], name: str, default: str | None) -> str:
    found = value.get(name)
    if found is None and default is not None:
        return default
    if not isinstance(found, str):
        problem = "is missing" if found is None else "must be a string"
        raise EventRefused(f"{name} {problem}", code="missing" if found is None else "wrong_type")
    return found


def _matching(
    value: Mapping[str, Any], name: str, shape: re.Pattern[str], problem: str, *, default: str | None = None
) -> str:
    found = _text(value, name, default)
    if not shape.fullmatch(found):
        raise EventRefused(f"{name} {problem}", code="wrong_value")
    return found


def _word(value: Mapping[str, Any], name: str, words: Any, *, default: str | None = None) -> str:
    found = _text(value, name, default)
    if found not in words:
        known = ", ".join(sorted(filter(None, words)))
        raise EventRefused(f"{name} must be one of {known}", code="wrong_value")
    return found


def _event_id(value: Mapping[str, Any]) -> uuid.UUID:
    try:
        return uuid.UUID(_text(value, "id", None))
    except ValueError as error:
        raise EventRefused("id must be a UUID", code="wrong_value") from error


def _instant(value: Mapping[str, Any], since: datetime, until: datetime) -> datetime:
    try:
        found = datetime.fromisoformat(_text(value, "at", None))
        is_within = since <= found < until
    except (ValueError, TypeError, OverflowError) as error:
        problem = "at must be an instant with its offset, as in RFC 3339"
        raise EventRefused(problem, code="wrong_value") from error
    if not is_within:
        problem = f"at must lie between {since:%Y-%m-%dT%H:%MZ} and {until:%Y-%m-%dT%H:%MZ}"
        raise EventRefused(problem, code="too_old_or_ahead")
    return found.astimezone(UTC)


def _quantity(value: Mapping[str, Any], kind: str) -> int:
    found = value.get("quantity")
    most = _MOST_SECONDS if kind == "call" else _MOST_SEGMENTS
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= most:
        raise EventRefused(f"quantity must be a whole number from 0 to {most}", code="wrong_value")
    return found


def _address(value: Mapping[str, Any]) -> str | None:
    found = value.get("ip")
    if found is None:
        return None
    try:
        return str(ip_address(found if isinstance(found, str) and "%" not in found else ""))
    except ValueError as error:
        raise EventRefused("ip must be an address", code="wrong_value") from error
