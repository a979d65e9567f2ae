import unicodedata

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from accounts.names import NameRefused, NameValidator, clean_name


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Noor Haddad", "Noor Haddad"),
        ("  Noor \u00a0 Haddad ", "Noor Haddad"),
        ("Zoe\u0308", "Zoë"),
        ("O'Brien-Núñez, Jr.", "O'Brien-Núñez, Jr."),
        ("株式会社", "株式会社"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
        ("3M", "3M"),
        ("B&B <Labs>", "B&B <Labs>"),
    ],
)
def test_real_names_are_kept(typed, kept):
    assert clean_name(typed, limit=100) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "Noor\x00",
        "Noor\nBcc: x@evil.test",
        "Noor\rHaddad",
        "Noor\tHaddad",
        "Noor\x7f",
        "Noor\x85",
        "Noor\u2028Haddad",
        "\u202eroon",
        "Noor\u2066",
        "Noor\u200b",
        "\ufeffNoor",
        "Noor\ud800",
        "Noor\U000e0041",
    ],
)
def test_control_and_hidden_characters_are_refused(typed):
    with pytest.raises(NameRefused) as refused:
        clean_name(typed, limit=100)
    assert refused.value.code == "characters"


@pytest.mark.parametrize("typed", ["", "   ", "...", "\u00a0", "—"])
def test_names_without_a_letter_are_refused(typed):
    with pytest.raises(NameRefused) as refused:
        clean_name(typed, limit=100)
    assert refused.value.code == "empty"


@pytest.mark.parametrize("typed", ["Win at http://evil.test", "=?utf-8?q?Bank?="])
def test_messages_in_names_are_refused(typed):
    with pytest.raises(NameRefused) as refused:
        clean_name(typed, limit=100)
    assert refused.value.code == "address"


def test_limit_is_exact_and_named():
    assert clean_name("x" * 100, limit=100) == "x" * 100
    with pytest.raises(NameRefused, match=r"^Use at most 100 characters\. This has 101\.$"):
        clean_name("x" * 101, limit=100)


def test_a_megabyte_is_refused_with_its_length():
    with pytest.raises(NameRefused, match="1,048,576"):
        clean_name("x" * 1_048_576, limit=100)


def test_validator_speaks_as_form_error():
    with pytest.raises(ValidationError) as refused:
        NameValidator(10)("\u202eroon")
    assert refused.value.code == "characters"
    assert NameValidator(10) == NameValidator(10) != NameValidator(11)
    assert NameValidator(10)("Noor") is None


@given(st.text(max_size=60))
def test_cleaning_twice_changes_nothing(text):
    try:
        name = clean_name(text, limit=50)
    except NameRefused:
        return
    assert clean_name(name, limit=50) == name == unicodedata.normalize("NFC", name)
    assert len(name.splitlines()) == 1
