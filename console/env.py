"""Read settings from the environment with types, and fail loudly on a malformed value."""

import base64
import os
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


class Secret(str):
    """Hold a secret text that does not print itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<secret>"


def text(name: str, default: str | None = None) -> str:
    """Return a text; without a default the variable must be set."""
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"{name} must be set.")
    return value


def secret(name: str, default: str | None = None) -> Secret:
    """Return a secret from NAME or from the file that NAME_FILE names."""
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return Secret(text(name, default))
    try:
        return Secret(Path(path).read_text(encoding="utf-8").strip())
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}.") from error


def flag(name: str, *, default: bool) -> bool:
    """Return a yes or no."""
    value = text(name, "yes" if default else "no").lower()
    if value not in _TRUE | _FALSE:
        raise ImproperlyConfigured(f"{name} must be yes or no, not {value!r}.")
    return value in _TRUE


def number(name: str, default: int) -> int:
    """Return a whole number of zero or more."""
    value = text(name, str(default))
    if not value.isascii() or not value.isdigit():
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.")
    return int(value)


def amount(name: str, default: str) -> Decimal:
    """Return an exact amount of money in US dollars."""
    value = text(name, default)
    try:
        parsed = Decimal(value)
    except InvalidOperation as error:
        raise ImproperlyConfigured(f"{name} must be an amount, not {value!r}.") from error
    if not parsed.is_finite() or parsed < 0:
        raise ImproperlyConfigured(f"{name} must be zero or more, not {value!r}.")
    return parsed


def words(name: str, default: str = "") -> list[str]:
    """Return a comma-separated list."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def choice(name: str, *, options: tuple[str, ...], default: str) -> str:
    """Return one of the options."""
    value = text(name, default)
    if value not in options:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(options)}, not {value!r}.")
    return value


def key_ring(name: str) -> Mapping[str, bytes]:
    """Return encryption keys by id, newest first, from ``id:base64,id:base64``.

    :raises ImproperlyConfigured: if a key is not 32 bytes
    """
    ring: dict[str, bytes] = {}
    for entry in filter(None, secret(name).split(",")):
        key_id, _, encoded = entry.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name}: key {key_id!r} is not base64.") from error
        if len(key) != 32 or not key_id or len(key_id) > 16 or key_id in ring:  # noqa: PLR2004 - AES-256
            raise ImproperlyConfigured(f"{name}: key {key_id!r} needs a unique id and 32 bytes.")
        ring[key_id] = key
    if not ring:
        raise ImproperlyConfigured(f"{name} needs at least one key.")
    return ring


def database(
    url: str, *, pool: dict[str, Any] | None, statement_timeout: int = 0, lock_timeout: int = 0
) -> dict[str, Any]:
    """Return Django's settings for a ``postgresql://`` address; timeouts are in milliseconds, 0 for none."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ImproperlyConfigured("DATABASE_URL must look like postgresql://user:password@host:port/name.")
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    options: dict[str, Any] = {key: unquote(value) for key, value in query.items()}
    if pool is not None:
        options["pool"] = pool
    limits = {"statement_timeout": statement_timeout, "lock_timeout": lock_timeout}
    words = [f"-c {name}={value}" for name, value in limits.items() if value]
    if words and "options" not in options:
        options["options"] = " ".join(words)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
        "CONN_HEALTH_CHECKS": True,
    }
