"""Ask the GeoIP databases what kind of network an address is in, and where it is."""

import datetime as dt
import logging
import threading
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import maxminddb
from django.conf import settings

from console.core.addresses import Address

logger = logging.getLogger(__name__)

# Ranges of VPN operators move; a database older than this misses many of them.
STALE_AFTER = dt.timedelta(days=60)
IPV4 = 4


class NetworkKind(StrEnum):
    """What an address's network is used for."""

    UNKNOWN = "unknown"
    CLEAN = "clean"
    VPN = "vpn"
    PROXY = "proxy"
    TOR = "tor"
    HOSTING = "hosting"


# The first flag that is set decides; the general flag comes last, for what has no name of its own.
FLAGS = {
    "is_tor_exit_node": NetworkKind.TOR,
    "is_anonymous_vpn": NetworkKind.VPN,
    "is_public_proxy": NetworkKind.PROXY,
    "is_residential_proxy": NetworkKind.PROXY,
    "is_hosting_provider": NetworkKind.HOSTING,
    "is_anonymous": NetworkKind.PROXY,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address is, as far as the database knows; empty fields are unknown."""

    country_iso: str = ""
    country: str = ""
    city: str = ""

    def __str__(self) -> str:
        """Return "Utrecht, Netherlands", the country alone, or "unknown place"."""
        return ", ".join(part for part in (self.city, self.country) if part) or "unknown place"


class Database:
    """Hold a reader of one mmdb file and open it again when the file changes."""

    def __init__(self, path: str, *, made_for: str) -> None:
        self.path = path
        self.made_for = made_for
        self._lock = threading.Lock()
        self._version: tuple[int, ...] | None = None
        self._reader: maxminddb.Reader | None = None

    def find(self, address: Address) -> tuple[bool, dict[str, Any]]:
        """Return whether the database could answer, and the record (empty when it has none)."""
        reader = self.reader()
        if reader is None:
            return False, {}
        try:
            record = reader.get(address)
        except (ValueError, maxminddb.InvalidDatabaseError) as error:
            self._give_up(reader, error)
            return False, {}
        return True, record if isinstance(record, dict) else {}

    def reader(self) -> maxminddb.Reader | None:
        """Return the open reader of the file as it is now, or None when it can't be read."""
        version = self._version_on_disk()
        with self._lock:
            if version != self._version:
                self._version = version
                self._reader = self._open()
            return self._reader

    def built_at(self) -> dt.datetime | None:
        """Return when the database was built."""
        reader = self.reader()
        return dt.datetime.fromtimestamp(reader.metadata().build_epoch, dt.UTC) if reader else None

    def _version_on_disk(self) -> tuple[int, ...]:
        try:
            found = Path(self.path).stat()
        except OSError:
            return ()
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def _open(self) -> maxminddb.Reader | None:
        try:
            reader = maxminddb.open_database(self.path)
        except (OSError, ValueError, maxminddb.InvalidDatabaseError):
            logger.exception("GeoIP database %s can't be read.", self.path)
            return None
        kind = reader.metadata().database_type
        if self.made_for not in kind:
            # A city database in this place would call every VPN clean.
            logger.error("GeoIP database %s is of type %s, not %s", self.path, kind, self.made_for)
            return None
        return reader

    def _give_up(self, reader: maxminddb.Reader, error: Exception) -> None:
        if isinstance(error, ValueError) and reader.metadata().ip_version == IPV4:
            return  # An IPv6 address in a database of IPv4 addresses: the file is sound.
        with self._lock:
            if self._reader is reader:
                self._reader = None
                logger.error("GeoIP database %s is damaged: %s", self.path, error)


_databases: dict[tuple[str, str], Database] = {}
_told_stale: set[tuple[str, dt.datetime]] = set()


def classify(address: Address | None, *, now: dt.datetime) -> NetworkKind:
    """Say what kind of network the address is in; without a usable database, unknown."""
    database = _database(settings.ANONYMOUS_IP_DATABASE, made_for="Anonymous")
    if address is None or database is None:
        return NetworkKind.UNKNOWN
    answered, record = database.find(address)
    if not answered:
        return NetworkKind.UNKNOWN
    _tell_when_stale(database, now=now)
    return next((kind for flag, kind in FLAGS.items() if record.get(flag)), NetworkKind.CLEAN)


def place_of(address: Address | None) -> Place:
    """Say where the address is; without a usable database, an empty place."""
    database = _database(settings.CITY_DATABASE, made_for="City")
    if address is None or database is None:
        return Place()
    _, record = database.find(address)
    country = _part(record, "country")
    return Place(str(country.get("iso_code", "")), _name(country), _name(_part(record, "city")))


def _database(path: str | Path, *, made_for: str) -> Database | None:
    if not path:
        return None
    key = (str(path), made_for)
    return _databases.get(key) or _databases.setdefault(key, Database(str(path), made_for=made_for))


def _tell_when_stale(database: Database, *, now: dt.datetime) -> None:
    built_at = database.built_at()
    if built_at and now - built_at > STALE_AFTER and (database.path, built_at) not in _told_stale:
        _told_stale.add((database.path, built_at))
        logger.warning("GeoIP database %s was built on %s", database.path, built_at.date())


def _part(record: dict[str, Any], key: str) -> dict[str, Any]:
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def _name(part: dict[str, Any]) -> str:
    return str(_part(part, "names").get("en", ""))
