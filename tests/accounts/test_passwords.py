import hashlib
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts import passwords
from accounts.passwords import (
    PRODUCT_WORDS,
    CommonPasswordValidator,
    CompositionValidator,
    LeakedPasswordValidator,
    LengthValidator,
    PersonalWordsValidator,
    StrengthValidator,
    advise,
    common_base,
    estimate,
    leak_count,
    words_of,
)

NOOR = SimpleNamespace(
    name="Noor Müller-Haddad", email="nhaddad@halyard.example", company_name="Halyard Logistics B.V."
)
PHRASE = "purple trombone kettle lamp"
RANDOM = "vK9$mTq2-xWz"
ENDINGS = ("1!", "12!", "123!", "1234!", "2024!", "@2024", "!2024", "2025!", "#1", "_123", "123456!", "!!11")


@pytest.fixture(autouse=True)
def _policy(settings):
    settings.SITE_NAME = "Patchbay"
    settings.LEAKED_PASSWORD_URL = ""
    settings.AUTH_PASSWORD_VALIDATORS = [
        {"NAME": f"accounts.passwords.{validator.__name__}"}
        for validator in (
            LengthValidator,
            CompositionValidator,
            PersonalWordsValidator,
            CommonPasswordValidator,
            StrengthValidator,
            LeakedPasswordValidator,
        )
    ]
    password_validation.get_default_password_validators.cache_clear()
    yield
    password_validation.get_default_password_validators.cache_clear()


def refusals(password, user=NOOR):
    try:
        password_validation.validate_password(password, user)
    except ValidationError as error:
        return {problem.code: problem.message for problem in error.error_list}
    return {}


@pytest.mark.parametrize(
    "password",
    [
        RANDOM,
        PHRASE,
        "correct horse battery staple",
        " leading and trailing spaces ",
        "zwaluw trommel één ketting",
        "紫色の象が静かに歩いている夜の話",
        "x7$Kq9!noor2vTz",
        "my voice is a purple trombone",
        "channel planning by lamplight",
        "Trombone#9!4&2@7",
        "kV3!" + "qzjxw" * 3,
        " ".join(["lamp", "kettle", "gorse", "otter", "brine", "cedar"] * 5),
    ],
)
def test_good_passwords_pass(password):
    assert refusals(password) == {}


@pytest.mark.parametrize("length", [12, 64, 72, 73, 128, 200, 256])
def test_every_length_within_the_limits_passes(length):
    assert refusals((RANDOM + "|" + "pQ7+wr5}Lz3;" * 30)[:length]) == {}


@pytest.mark.parametrize("password", ["", "vK9$mTq2-xW", "x" * 257, "x" * 10_000])
def test_length_is_refused_with_the_count(password):
    found = refusals(password)
    assert found["length"] == f"Use 12 to 256 characters. This has {len(password):,}."


def test_nothing_else_looks_at_what_is_too_long(monkeypatch):
    for name in ("estimate", "common_base", "leak_count", "_known_part"):
        monkeypatch.setattr(passwords, name, lambda *_: pytest.fail("looked at it"))
    assert set(refusals("aA1!" * 2_500)) == {"length"}
    assert advise("aA1!" * 2_500, words=[]).score == 0


@pytest.mark.parametrize("password", [RANDOM + "\0", RANDOM + "\ud800"])
def test_untypable_characters_are_refused(password):
    assert "length" in refusals(password)


@pytest.mark.parametrize(
    ("password", "missing"),
    [
        ("vk9$mtq2-xwz", "Add an upper case letter, or use 16 characters or more."),
        ("VK9$MTQ2-XWZ", "Add a lower case letter, or use 16 characters or more."),
        ("vKo$mTqi-xWz", "Add a digit, or use 16 characters or more."),
        ("vK9omTq2ixWz", "Add a symbol, or use 16 characters or more."),
        ("vkoqmtqzixwz", "Add an upper case letter, a digit and a symbol, or use 16 characters or more."),
    ],
)
def test_short_passwords_need_four_kinds(password, missing):
    assert refusals(password)["composition"] == missing


def test_phrases_need_no_mix_and_the_rule_can_be_removed(settings):
    assert CompositionValidator().refusal("vkoqmtqzixwzlpfh", []) is None
    assert "composition" in refusals("vkoqmtqzixwz")
    settings.AUTH_PASSWORD_VALIDATORS = [
        entry for entry in settings.AUTH_PASSWORD_VALIDATORS if "Composition" not in entry["NAME"]
    ]
    password_validation.get_default_password_validators.cache_clear()
    assert refusals("vkoqmtqzixwz") == {}
    assert CompositionValidator.label not in dict(advise("vkoqmtqzixwz", words=[]).rules)


def leet(word):
    return word.translate(str.maketrans("aeiost", "4310$7"))


@pytest.mark.parametrize(
    "word", ["noor", "muller", "haddad", "nhaddad", "halyard", "logistics", "patchbay", *PRODUCT_WORDS]
)
def test_listed_words_are_refused_in_their_usual_forms(word):
    forms = [
        f"{word.title()}2026!",
        f"{word.title()}@1987#",
        f"{leet(word).title()}2026!",
        f"{word}{word}",
        f"{word.title()}{word}1!",
        f"{word[::-1].title()}2026!",
        f"!{word.upper()}!2026",
        f"{word.title()}-Patchbay-26",
        ".".join(word) + ".26A",
    ]
    validator = PersonalWordsValidator()
    for form in forms:
        with pytest.raises(ValidationError):
            validator.validate(form, NOOR)


def test_the_word_is_named():
    assert "\u201chalyard\u201d" in refusals("H4ly4rd-2026!")["personal"]
    assert "\u201cmuller\u201d" in refusals("MÜLLER-1987-m\u00fcller!")["personal"]


def test_any_part_of_the_user_may_be_missing():
    assert refusals("Halyard-Logistics-26", SimpleNamespace()) == {}
    assert refusals(RANDOM, None) == {}
    assert "personal" in refusals("Halyard-Logistics-26", SimpleNamespace(company_name="Halyard Logistics"))
    assert "personal" in refusals("NoorHaddad-26!", SimpleNamespace(full_name="Noor Haddad", email=None))


def test_names_of_the_site_and_local_words_count(settings):
    settings.SITE_NAME = "Switchyard"
    settings.PASSWORD_LOCAL_WORDS = ["Zaltbommel"]
    assert "personal" in refusals("Sw1tchy4rd2026!")
    assert "personal" in refusals("Zaltbommel2026!")


def test_zxcvbn_is_told_the_words():
    assert estimate("Patchbay2026!", [])[0] > estimate("Patchbay2026!", words_of(NOOR))[0]
    assert {"halyardlogisticsbv", "noormullerhaddad", "halyard", "nhaddad", "patchbay"} <= set(words_of(NOOR))


def common_entries():
    """Yield the entries of the common list that would pass length and composition."""
    rules = (LengthValidator(), CompositionValidator())
    for base in sorted(passwords._django_list()):
        for ending in ENDINGS:
            entry = base.capitalize() + ending
            if not any(rule.refusal(entry, []) for rule in rules):
                yield entry


def test_common_list_has_thousands_that_the_other_rules_let_through():
    entries = list(common_entries())
    assert len(entries) >= 3000
    validator = CommonPasswordValidator()
    for entry in entries[:: len(entries) // 100]:
        for form in (entry, entry.upper(), entry.lower(), entry.swapcase()):
            assert validator.refusal(form, []), form


@pytest.mark.parametrize(
    ("password", "is_common"),
    [
        ("Welcome@2024!", True),
        ("P@$$w0rd2024!", True),
        ("!!Dr4g0n12345!", True),
        ("MonkeyMonkey1!", True),
        ("Bookshelf2026!", True),
        ("Qwertyuiop1234567890", True),
        ("Trombone83920174", False),
        ("Kettle-Trombone1!", False),
        (RANDOM, False),
        (PHRASE, False),
        ("", False),
    ],
)
def test_decoration_does_not_hide_the_base(password, is_common):
    assert (common_base(password) is not None) == is_common


@pytest.mark.parametrize("password", ["abcdefghijklmnop", "asdfghjklqwertyuiop", "19871987198719871987"])
def test_patterns_are_not_strong_enough(password):
    assert "strength" in refusals(password)


def test_strength_is_judged_by_a_prefix_that_zxcvbn_takes():
    assert estimate("a" * 200, [])[0] == 0
    assert estimate(RANDOM * 15, [])[0] == 4


def test_hostile_text_is_thinned_before_scoring(monkeypatch):
    seen = []
    monkeypatch.setattr(
        passwords,
        "zxcvbn",
        lambda text, **_: seen.append(text) or {"score": 4, "feedback": {"warning": "", "suggestions": []}},
    )
    estimate("4@8({[<3691!|i0$57+%2z" * 4, [])
    assert len(seen[0]) == 72
    assert len(passwords.LEET_CHARACTERS & set(seen[0])) == 8


@hypothesis_settings(deadline=None, max_examples=60)
@given(st.text(max_size=300))
def test_any_text_gets_an_answer(password):
    refusals(password)
    advice = advise(password, words=["noor"])
    assert 0 <= advice.score <= 4


@contextmanager
def range_server(answer, *, status=200, delay=0.0):
    """Serve range look-ups on loopback and collect the paths that were asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, dict(self.headers), self.rfile))
            time.sleep(delay)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_):
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/range/", asked
    finally:
        server.shutdown()
        server.server_close()


def digest_of(password):
    return hashlib.sha1(password.encode()).hexdigest().upper()


def test_leaked_password_is_refused_and_five_characters_leave(settings):
    digest = digest_of(PHRASE)
    with range_server(f"{'0' * 35}:7\r\n{digest[5:]}:12\r\n{'F' * 35}:0") as (url, asked):
        settings.LEAKED_PASSWORD_URL = url
        assert leak_count(PHRASE) == 12
        assert "known from a data leak" in refusals(PHRASE)["leaked"]
    path, headers, _ = asked[0]
    assert path == f"/range/{digest[:5]}"
    assert not any(digest[5:] in value or PHRASE in value for value in headers.values())


@pytest.mark.parametrize("answer", ["", "garbage", f"{'0' * 35}:7"])
def test_unknown_password_is_accepted(settings, answer):
    with range_server(answer) as (url, _):
        settings.LEAKED_PASSWORD_URL = url
        assert leak_count(PHRASE) == 0
        assert refusals(PHRASE) == {}


def test_padding_counts_as_not_leaked(settings):
    with range_server(f"{digest_of(PHRASE)[5:]}:0") as (url, _):
        settings.LEAKED_PASSWORD_URL = url
        assert refusals(PHRASE) == {}


def test_failing_slow_and_absent_services_accept(settings):
    with range_server("", status=503) as (url, _):
        settings.LEAKED_PASSWORD_URL = url
        assert leak_count(PHRASE) is None
    assert refusals(PHRASE) == {}
    with range_server(f"{digest_of(PHRASE)[5:]}:12", delay=1.5) as (url, _):
        settings.LEAKED_PASSWORD_URL = url
        assert leak_count(PHRASE) is None
    settings.LEAKED_PASSWORD_URL = ""
    assert leak_count(PHRASE) is None


def test_case_and_spaces_matter_to_the_look_up(settings):
    with range_server(f"{digest_of(PHRASE)[5:]}:12") as (url, asked):
        settings.LEAKED_PASSWORD_URL = url
        for typed in (PHRASE, f" {PHRASE}", PHRASE.upper(), f"{PHRASE}\n"):
            leak_count(typed)
    assert [path for path, *_ in asked] == [
        f"/range/{digest_of(typed)[:5]}" for typed in (PHRASE, f" {PHRASE}", PHRASE.upper(), f"{PHRASE}\n")
    ]


def test_advice_for_an_empty_field_meets_nothing():
    advice = advise("", words=[])
    assert (advice.score, advice.headline) == (0, "")
    assert [met for _, met in advice.rules] == [False] * 5


def test_advice_names_the_unmet_rule():
    advice = advise("Halyard-2026!", words=["halyard"])
    assert advice.score <= 2
    assert "halyard" in advice.text
    rules = dict(advice.rules)
    assert rules["12 characters"]
    assert not rules["Not built on your names or ours"]


def test_advice_for_a_good_password_asks_nobody(monkeypatch):
    monkeypatch.setattr(passwords, "leak_count", lambda _: pytest.fail("asked"))
    advice = advise(PHRASE, words=["halyard"])
    assert (advice.score, advice.headline, advice.text) == (4, "Very hard to guess.", "It meets every rule.")
    assert all(met for _, met in advice.rules)


def test_each_rule_explains_itself():
    texts = password_validation.password_validators_help_texts()
    assert len(texts) == 6
    assert all(text.endswith(".") for text in texts)
