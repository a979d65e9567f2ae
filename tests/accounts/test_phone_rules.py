import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from accounts.phone_rules import (
    KINDS,
    PhoneKind,
    PhonePurpose,
    PhoneRefused,
    check_phone,
    country_choices,
    mask_phone,
)

REFUSED_TYPES = {
    PhoneNumberType.PREMIUM_RATE: "premium_rate",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.UAN: "uan",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.VOICEMAIL: "voicemail",
    PhoneNumberType.PERSONAL_NUMBER: "personal_number",
    PhoneNumberType.TOLL_FREE: "toll_free",
}


def check(text, country=None, *, blocked=(), purpose=PhonePurpose.SIGN_UP):
    return check_phone(text, country=country, blocked_prefixes=blocked, purpose=purpose)


def refused(text, country=None, **options):
    with pytest.raises(PhoneRefused) as found:
        check(text, country, **options)
    return found.value


def examples_of(kind):
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        number = phonenumbers.example_number_for_type(region, kind)
        if number and phonenumbers.number_type(number) == kind:
            yield phonenumbers.format_number(number, PhoneNumberFormat.E164)


@pytest.mark.parametrize(
    ("typed", "country", "e164"),
    [
        ("+31612345642", None, "+31612345642"),
        ("+31 (0)6 1234 5642", None, "+31612345642"),
        ("06 12345642", "NL", "+31612345642"),
        ("06-1234.5642", "NL", "+31612345642"),
        ("0031612345642", "NL", "+31612345642"),
        ("+31612345642", "US", "+31612345642"),
        ("(201) 555-0123", "US", "+12015550123"),
        ("07400 123456", "GB", "+447400123456"),
        ("+39 02 1234 5678", None, "+390212345678"),
    ],
)
def test_spellings_meet_one_number(typed, country, e164):
    assert check(typed, country).e164 == e164


def test_mobile_is_texted_and_fixed_line_is_called():
    mobile, either, fixed = check("+31612345642"), check("+12015550123"), check("+31101234567")
    assert (mobile.kind, mobile.country, mobile.can_sms) == (PhoneKind.MOBILE, "NL", True)
    assert (either.kind, either.country, either.can_sms) == (PhoneKind.FIXED_LINE_OR_MOBILE, "US", True)
    assert (fixed.kind, fixed.can_sms) == (PhoneKind.FIXED_LINE, False)


@pytest.mark.parametrize("kind", REFUSED_TYPES, ids=REFUSED_TYPES.values())
@pytest.mark.parametrize("purpose", [PhonePurpose.SIGN_UP, PhonePurpose.SECOND_FACTOR])
def test_numbers_of_refused_types_are_refused_everywhere(kind, purpose):
    numbers = list(examples_of(kind))
    assert numbers
    for number in numbers:
        error = refused(number, purpose=purpose)
        assert error.code in {REFUSED_TYPES[kind], "unknown"}
        assert str(error).endswith("Use a mobile number or a fixed line.")


def test_contact_numbers_may_be_of_more_kinds():
    assert check("+31851234567", purpose=PhonePurpose.CONTACT).kind is PhoneKind.VOIP
    assert check("+318001234", purpose="contact").kind is PhoneKind.TOLL_FREE
    assert refused("+319061234", purpose=PhonePurpose.CONTACT).code == "premium_rate"


@pytest.mark.parametrize("number", ["+870773111632", "+80012345678", "+979123456789"])
def test_international_networks_are_refused(number):
    assert refused(number).code == "unknown"


@pytest.mark.parametrize(
    ("typed", "country", "code"),
    [
        ("", "NL", "syntax"),
        ("   ", "NL", "syntax"),
        ("call me", "NL", "syntax"),
        ("1-800-FLOWERS", "US", "syntax"),
        ("+31612345642 ext. 5", None, "syntax"),
        ("+31612345642;ext=5", None, "syntax"),
        ("tel:+31612345642", None, "syntax"),
        ("+31612345642\n", None, "syntax"),
        ("+3161234\x005642", None, "syntax"),
        ("+31612345642<+31612345643", None, "syntax"),
        ("6" * 1_048_576, "NL", "syntax"),
        ("++", None, "syntax"),
        ("+999123456789", None, "syntax"),
        ("0612345642", None, "country"),
        ("0612345642", "XX", "country"),
        ("0612345642", "nl", "country"),
        ("201 555 012", "US", "length"),
        ("+120155501234", None, "length"),
        ("+12005550123", None, "invalid"),
    ],
)
def test_what_is_no_number_is_refused(typed, country, code):
    error = refused(typed, country)
    assert error.code == code
    assert len(str(error)) < 120


@pytest.mark.parametrize("prefix", ["+3161", "3161", "+31 61", "+31"])
def test_blocked_ranges_are_refused(prefix):
    assert refused("06 12345642", "NL", blocked=[prefix]).code == "blocked"


def test_other_ranges_and_empty_entries_block_nothing():
    assert check("+31612345642", blocked=["+3162", "", "+", "+1"]).country == "NL"


@pytest.mark.parametrize(
    ("e164", "masked"),
    [
        ("+31612345642", "+31 6 •••• ••42"),
        ("+12015550123", "+1 2•• ••• ••23"),
        ("+447400123456", "+44 7••• ••••56"),
        ("+33612345678", "+33 6 •• •• •• 78"),
    ],
)
def test_mask_keeps_first_and_last_digits(e164, masked):
    assert mask_phone(e164) == masked
    assert check(e164).masked == masked


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)))
def test_mask_never_shows_more_than_three_national_digits(region):
    mobile = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    number = mobile or phonenumbers.example_number(region)
    masked = mask_phone(phonenumbers.format_number(number, PhoneNumberFormat.E164))
    assert sum(character.isdigit() for character in masked.partition(" ")[2]) == 3


@given(
    st.one_of(st.text(max_size=45), st.from_regex(r"\+[0-9 ]{5,16}", fullmatch=True)),
    st.sampled_from(["NL", "US", None]),
)
def test_checking_the_result_again_changes_nothing(text, country):
    try:
        phone = check(text, country)
    except PhoneRefused:
        return
    assert check(phone.e164) == phone
    assert phone.e164[1:].isascii()


def test_every_type_of_the_library_has_a_kind():
    assert {KINDS[value] for value in PhoneNumberType.values()} == set(PhoneKind)


def test_picker_lists_every_country_with_its_code():
    choices = country_choices()
    assert len(choices) == len(phonenumbers.SUPPORTED_REGIONS)
    assert ("NL", "Netherlands (+31)") in choices
    assert ("US", "United States (+1)") in choices
    assert all(not label.startswith(region + " ") for region, label in choices)
