"""Decide which phone numbers may receive codes."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import phonenumbers
from babel import Locale
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from console.core.errors import DomainError

LONGEST_INPUT = 40
WRITTEN = re.compile(r"[0-9+().\-/ \u00a0\u2010-\u2013]+")
MASK = "\u2022"
GROUP = 4


class PhonePurpose(StrEnum):
    """What the number is for."""

    SIGN_UP = "sign_up"
    SECOND_FACTOR = "second_factor"
    CONTACT = "contact"


class PhoneKind(StrEnum):
    """What kind of line a number is, as its numbering plan says."""

    MOBILE = "mobile"
    FIXED_LINE = "fixed_line"
    FIXED_LINE_OR_MOBILE = "fixed_line_or_mobile"
    TOLL_FREE = "toll_free"
    PREMIUM_RATE = "premium_rate"
    SHARED_COST = "shared_cost"
    VOIP = "voip"
    PERSONAL_NUMBER = "personal_number"
    PAGER = "pager"
    UAN = "uan"
    VOICEMAIL = "voicemail"
    UNKNOWN = "unknown"


KINDS = {getattr(PhoneNumberType, kind.name): kind for kind in PhoneKind}
TEXTABLE = {PhoneKind.MOBILE, PhoneKind.FIXED_LINE_OR_MOBILE}
# Somebody may be called back on these, but a code proves nothing there.
CONTACT_ONLY = {
    PhoneKind.TOLL_FREE,
    PhoneKind.UAN,
    PhoneKind.VOIP,
    PhoneKind.PERSONAL_NUMBER,
    PhoneKind.UNKNOWN,
}
KIND_NAMES = {
    PhoneKind.TOLL_FREE: "a toll-free number",
    PhoneKind.PREMIUM_RATE: "a premium-rate number",
    PhoneKind.SHARED_COST: "a shared-cost number",
    PhoneKind.VOIP: "an internet (VoIP) number",
    PhoneKind.PERSONAL_NUMBER: "a forwarding number",
    PhoneKind.PAGER: "a pager",
    PhoneKind.UAN: "a company-wide service number",
    PhoneKind.VOICEMAIL: "a voicemail number",
    PhoneKind.UNKNOWN: "a number of a kind that its numbering plan doesn't tell",
}


class PhoneRefused(DomainError):
    """The number can't be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A number that may be used for the purpose it was checked for."""

    e164: str
    country: str
    kind: PhoneKind
    masked: str

    @property
    def can_sms(self) -> bool:
        """Say whether text messages reach it; a fixed line is called instead."""
        return self.kind in TEXTABLE


def check_phone(
    text: str,
    *,
    country: str | None,
    blocked_prefixes: Collection[str],
    purpose: PhonePurpose = PhonePurpose.SIGN_UP,
) -> Phone:
    """Return the number in E.164 when it may be used; a leading + outweighs the country.

    ``blocked_prefixes`` are the beginnings of E.164 numbers, like ``+8835``.

    :raises PhoneRefused: if it is no number, or of a kind or range that gets no codes
    """
    number = _parse(text, country)
    if not phonenumbers.is_valid_number(number):
        raise PhoneRefused("This number doesn't exist in its country's numbering plan.", code="invalid")
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if any(_is_under(e164, prefix) for prefix in blocked_prefixes):
        raise PhoneRefused("Numbers of this range get no codes here. Use another number.", code="blocked")
    kind = _kind_of(number)
    _refuse_kind(kind, purpose)
    return Phone(e164, phonenumbers.region_code_for_number(number) or "", kind, mask_phone(e164))


def mask_phone(e164: str) -> str:
    """Return the number with all but its country code, first and last two digits hidden."""
    number = phonenumbers.parse(e164)
    written = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    prefix, _, national = written.partition(" ")
    places = [place for place, character in enumerate(national) if character.isdigit()]
    hidden = set(places[1:-2])
    shown = "".join(MASK if place in hidden else character for place, character in enumerate(national))
    return f"{prefix} {' '.join(_in_groups(part) for part in re.split(r'[ -]', shown))}"


def country_of(e164: str) -> str:
    """Return the country whose number this is, or nothing when it belongs to none."""
    return phonenumbers.region_code_for_number(phonenumbers.parse(e164)) or ""


@cache
def country_choices() -> list[tuple[str, str]]:
    """Return the countries of the picker, as code and "Netherlands (+31)", by name."""
    names = Locale("en").territories
    choices = (
        (region, f"{names.get(region, region)} (+{phonenumbers.country_code_for_region(region)})")
        for region in phonenumbers.SUPPORTED_REGIONS
    )
    return sorted(choices, key=lambda choice: choice[1].replace("\u00c5", "A").replace("\u00d4", "O"))


def _parse(text: str, country: str | None) -> PhoneNumber:
    typed = text.strip(" \u00a0")
    if not typed or len(text) > LONGEST_INPUT or not WRITTEN.fullmatch(typed):
        raise PhoneRefused(
            "Enter the number in digits, like +31 6 12345678, without extension.", code="syntax"
        )
    region = country if country in phonenumbers.SUPPORTED_REGIONS else None
    if region is None and not typed.startswith("+"):
        raise PhoneRefused("Pick the country, or begin the number with + and its code.", code="country")
    try:
        number = phonenumbers.parse(typed, region)
    except NumberParseException as error:
        raise PhoneRefused(
            "This is not a phone number. Check the country and the digits.", code="syntax"
        ) from error
    if not phonenumbers.is_possible_number(number):
        raise PhoneRefused("This number is too short or too long for its country.", code="length")
    return number


def _kind_of(number: PhoneNumber) -> PhoneKind:
    if phonenumbers.region_code_for_number(number) in {None, phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY}:
        # Satellite and other international networks: what they cost is up to them.
        return PhoneKind.UNKNOWN
    return KINDS.get(phonenumbers.number_type(number), PhoneKind.UNKNOWN)


def _refuse_kind(kind: PhoneKind, purpose: PhonePurpose) -> None:
    if kind is PhoneKind.FIXED_LINE or kind in TEXTABLE:
        return
    if purpose == PhonePurpose.CONTACT and kind in CONTACT_ONLY:
        return
    raise PhoneRefused(f"This is {KIND_NAMES[kind]}. Use a mobile number or a fixed line.", code=kind.value)


def _is_under(e164: str, prefix: str) -> bool:
    digits = re.sub(r"[^0-9]", "", prefix)
    return bool(digits) and e164.startswith(f"+{digits}")


def _in_groups(part: str) -> str:
    if len(part) <= GROUP + 2:
        return part
    first = len(part) % GROUP
    return " ".join(
        filter(None, [part[:first], *(part[at : at + GROUP] for at in range(first, len(part), GROUP))])
    )
