from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from security import otp

SEED = b"12345678901234567890"
NOW = datetime(2026, 3, 3, 12, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
    ],
)
def test_code_is_that_of_rfc_6238(seconds, code):
    assert otp.code_at(SEED, datetime.fromtimestamp(seconds, tz=UTC)) == code


def test_current_and_previous_step_match_and_no_other():
    step = int(NOW.timestamp()) // 30
    for back, expected in [(0, step), (1, step - 1), (2, None), (-1, None)]:
        code = otp.code_at(SEED, NOW - timedelta(seconds=30 * back))
        assert otp.matching_step(SEED, code, now=NOW) == expected


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "\N{ARABIC-INDIC DIGIT ONE}23456"])
def test_other_texts_do_not_match(code):
    assert otp.matching_step(SEED, code, now=NOW) is None


def test_seeds_have_160_bits_and_differ():
    seeds = {otp.new_seed() for _ in range(50)}
    assert {len(seed) for seed in seeds} == {20}
    assert len(seeds) == 50


def test_link_names_issuer_and_person():
    link = urlsplit(otp.provisioning_uri(SEED, issuer="Patch & Bay", label="tomas+x@halyard.example"))
    values = parse_qs(link.query)
    assert (link.scheme, link.netloc) == ("otpauth", "totp")
    assert link.path == "/Patch%20%26%20Bay%3Atomas%2Bx%40halyard.example"
    assert values["secret"] == [otp.typed_key(SEED).replace(" ", "")]
    assert values["issuer"] == ["Patch & Bay"]


def test_typed_key_comes_in_groups_of_four():
    assert otp.typed_key(SEED) == "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"


def test_picture_has_a_quiet_zone_and_only_a_path():
    picture = otp.draw("otpauth://totp/x?secret=ABC")
    assert picture.path.startswith("M4,4H5V5H4z")
    assert picture.size == 29 + 2 * 4
