"""Name countries, and say which of them a number may be of."""

from functools import cache

import phonenumbers
from babel import Locale


@cache
def _names() -> dict[str, str]:
    names = Locale("en").territories
    return {iso: names.get(iso, iso) for iso in phonenumbers.SUPPORTED_REGIONS}


def country_name(iso: str) -> str:
    """Return the English name of a country, or its code when it has none here."""
    return _names().get(iso, iso)


@cache
def country_options() -> list[tuple[str, str]]:
    """Return every country as code and name, by name."""
    return sorted(_names().items(), key=lambda pair: pair[1].replace("\u00c5", "A").replace("\u00d4", "O"))


@cache
def dial_code(iso: str) -> str:
    """Return the digits with which the country's numbers begin."""
    return str(phonenumbers.country_code_for_region(iso))


def written(number: str) -> str:
    """Return a number as people of its country group it, after a plus."""
    try:
        parsed = phonenumbers.parse(f"+{number}")
    except phonenumbers.NumberParseException:
        return f"+{number}"
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
