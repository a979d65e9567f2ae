"""State what a token may be given: networks, and how long it may live."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings

from console.core.networks import NetworkRefused, parse_network

LIFETIMES = (30, 90, 180, 365)
WARN_DAYS = (14, 7, 1)


def read_networks(lines: Iterable[str]) -> list[str]:
    """Return the networks in their one form, each once.

    :raises NetworkRefused: with the message of the IP allowlist, naming the line when there are several
    """
    found: list[str] = []
    given = [line.strip() for line in lines if line.strip()]
    for number, line in enumerate(given, start=1):
        place = f"Line {number}: " if len(given) > 1 else ""
        try:
            network = str(parse_network(line))
        except NetworkRefused as error:
            raise NetworkRefused(f"{place}{error}", code=error.code) from error
        if network in found:
            raise NetworkRefused(f"{place}{network} is on the list already.", code="duplicate")
        found.append(network)
    if len(found) > settings.CONSOLE_TOKEN_NETWORKS:
        most = settings.CONSOLE_TOKEN_NETWORKS
        raise NetworkRefused(f"A token takes {most} entries at most. This has {len(found)}.", code="full")
    return found


def latest_end(made_at: datetime, days: int | None, *, now: datetime) -> datetime | None:
    """Return when a token ends at the latest; one that exists already has some days left to be replaced."""
    if days is None:
        return None
    grace = timedelta(days=settings.CONSOLE_TOKEN_GRACE_DAYS)
    return max(made_at + timedelta(days=days), now + grace)


def earlier(*ends: datetime | None) -> datetime | None:
    """Return the earliest of these ends; None is no end."""
    return min((end for end in ends if end is not None), default=None)


def threshold(end: datetime, *, now: datetime) -> int | None:
    """Return the least number of days of WARN_DAYS that covers what is left, or None when more is left."""
    left = end - now
    return min((days for days in WARN_DAYS if left <= timedelta(days=days)), default=None)
