"""Name devices the way people do."""

from functools import lru_cache

from ua_parser import parse

_NAMES = {
    "Mac OS X": "macOS",
    "Mobile Safari": "Safari",
    "Chrome Mobile": "Chrome",
    "Firefox Mobile": "Firefox",
}
_PHONES = {"iOS", "Android"}


@lru_cache(maxsize=1024)
def device_name(user_agent: str) -> str:
    """Return "Chrome on Windows", as far as the browser says."""
    found = parse(user_agent)
    browser = found.user_agent.family if found.user_agent else ""
    system = found.os.family if found.os else ""
    known = [_NAMES.get(name, name) for name in (browser, system) if name and name != "Other"]
    return " on ".join(known) or "Unknown device"


@lru_cache(maxsize=1024)
def is_phone(user_agent: str) -> bool:
    """Say whether the browser runs on a phone or tablet."""
    found = parse(user_agent)
    return bool(found.os and found.os.family in _PHONES)
