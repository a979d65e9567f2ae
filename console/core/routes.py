"""Walk the URL configuration, so that checks and tests need no list of addresses."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

AUTH_ID = r"(?:MA|SA)[A-Z0-9]{18}"


class AuthIdConverter:
    """Match the Auth ID of an account in an address."""

    regex = r"MA[A-Z0-9]{18}"

    def to_python(self, value: str) -> str:
        """Return the Auth ID as it is."""
        return value

    def to_url(self, value: str) -> str:
        """Return the Auth ID as it is."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Route:
    """One address of the console: qualified name, view, and the names of its arguments."""

    name: str
    view: Callable[..., Any]
    arguments: tuple[str, ...]
    pattern: str


def iter_routes(resolver: URLResolver | None = None, *, space: str = "", prefix: str = "") -> Iterator[Route]:
    """Yield every address that Django can reach."""
    for entry in (resolver or get_resolver()).url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from iter_routes(entry, space=inner, prefix=pattern)
        elif isinstance(entry, URLPattern):
            names = tuple(entry.pattern.regex.groupindex)
            yield Route(f"{space}{entry.name or ''}", entry.callback, names, pattern)
