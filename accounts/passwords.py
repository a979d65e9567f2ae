"""Judge passwords: the validators of the policy, and the advice beside the field.

Every rule sees the password exactly as typed. Texts above the longest length are refused for that alone; no
other rule looks at them.
"""

import hashlib
import re
import threading
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import requests
from django.conf import settings
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn
from zxcvbn.matching import L33T_TABLE, RANKED_DICTIONARIES

SHORTEST, LONGEST = 12, 256
# From this length on a phrase needs no mix of characters.
PHRASE = 16
# zxcvbn refuses longer texts.
SCORED = 72
GOOD_SCORE = 3
# What is left beside known words must weigh as much as this many letters.
ENOUGH_OF_ONES_OWN = 6
SHORTEST_WORD = 3
LEAK_SECONDS = 1.0

# Words of the trade and of the roles; SITE_NAME and PASSWORD_LOCAL_WORDS come from the settings.
PRODUCT_WORDS = (
    "account", "admin", "administrator", "analyst", "balance", "billing", "calling", "carrier", "cloud",
    "communications", "company", "console", "customer", "developer", "finance", "financial", "invoice", "login",
    "message", "messaging", "number", "operator", "owner", "password", "phone", "plivo", "portal", "secret",
    "secure", "security", "staff", "subaccount", "support", "team", "telecom", "ticket", "token", "trial",
    "user", "voice", "webhook", "welcome",
)  # fmt: skip
LEET = "0123456789@$!|+\u20ac\u00a3("
LEET_READINGS = tuple(
    str.maketrans(LEET, letters) for letters in ("oizeasgtbgasiitelc", "olzeasgtbgaslltelc")
)
HEADLINES = (
    "Easily guessed.",
    "Easily guessed.",
    "Could be guessed.",
    "Hard to guess.",
    "Very hard to guess.",
)
RUNS = "01234567890", "09876543210"
USUAL_END = re.compile(r"[\W_]{0,3}(?P<digits>[0-9]*)[\W_]{0,3}")
LONGEST_END, LONGEST_START, FREE_DIGITS = 14, 3, 4
DICTIONARIES = ("passwords", "english_wikipedia", "female_names", "surnames", "us_tv_and_film", "male_names")

# zxcvbn tries all combinations of what these may stand for; twenty of them in one text cost seconds.
LEET_CHARACTERS = frozenset(character for twins in L33T_TABLE.values() for character in twins)
LEET_SCORED, NEUTRAL = 8, "~^&*_=-.,;:?"

_scoring = threading.Lock()
# Few workers and a hard wait: a dead service costs a second, and never more than four threads.
_leak_checks = ThreadPoolExecutor(max_workers=4, thread_name_prefix="leaks")


@dataclass(frozen=True, slots=True)
class Advice:
    """What the meter shows: a score of 0 to 4, one sentence each of verdict and advice, and the rules."""

    score: int
    headline: str
    text: str
    rules: list[tuple[str, bool]]


class Validator(ABC):
    """One rule; subclasses say why they refuse."""

    code: ClassVar[str]
    # What the meter calls the rule; a rule without a label is not shown there.
    label: ClassVar[str] = ""
    help_text: ClassVar[str]

    @abstractmethod
    def refusal(self, password: str, words: Collection[str]) -> str | None:
        """Return why the password is refused, or None."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError with the reason, as Django's hook demands."""
        if len(password) > LONGEST and not isinstance(self, LengthValidator):
            return
        if message := self.refusal(password, words_of(user)):
            raise ValidationError(message, code=self.code)

    def get_help_text(self) -> str:
        """Return the rule in a sentence."""
        return self.help_text


class LengthValidator(Validator):
    """Demand 12 to 256 characters."""

    code = "length"
    label = f"{SHORTEST} characters"
    help_text = f"Use {SHORTEST} to {LONGEST} characters. A phrase of a few words works well."

    def refusal(self, password: str, words: Collection[str]) -> str | None:
        """Return the length and the limits, or what can't be typed."""
        if not SHORTEST <= len(password) <= LONGEST:
            return f"Use {SHORTEST} to {LONGEST} characters. This has {len(password):,}."
        if "\0" in password or _has_surrogate(password):
            return "This holds a character that no keyboard types. Use another password."
        return None


class CompositionValidator(Validator):
    """Demand four kinds of characters of anything shorter than a phrase."""

    code = "composition"
    label = f"Upper and lower case, digit and symbol, or {PHRASE} characters"
    help_text = f"Below {PHRASE} characters use upper and lower case letters, digits and symbols."

    def refusal(self, password: str, words: Collection[str]) -> str | None:
        """Return the kinds that are missing."""
        if len(password) >= PHRASE:
            return None
        kinds = {
            "an upper case letter": any(c.isupper() for c in password),
            "a lower case letter": any(c.islower() for c in password),
            "a digit": any(c.isdigit() for c in password),
            "a symbol": any(not c.isalnum() for c in password),
        }
        missing = [kind for kind, found in kinds.items() if not found]
        return f"Add {_listed(missing)}, or use {PHRASE} characters or more." if missing else None


class PersonalWordsValidator(Validator):
    """Refuse passwords built on names of the person, the company or the product."""

    code = "personal"
    label = "Not built on your names or ours"
    help_text = "Leave out your name, your email address, your company and our product."

    def refusal(self, password: str, words: Collection[str]) -> str | None:
        """Return the word that most of the password consists of."""
        found, own = _known_part(password, words)
        if not found or own >= ENOUGH_OF_ONES_OWN:
            return None
        return f"This is built on \u201c{found}\u201d, a word that others would try. Add words that have nothing to do with it."


class CommonPasswordValidator(Validator):
    """Refuse common passwords and single words, bare or with the usual decoration."""

    code = "common"
    label = "Not a common password"
    help_text = "Common passwords and single words with a year or a symbol are refused."

    def refusal(self, password: str, words: Collection[str]) -> str | None:
        """Return that the password is among those tried first."""
        if common_base(password) is None:
            return None
        return "This is one of the passwords that are tried first. Use a few unrelated words instead."


class StrengthValidator(Validator):
    """Demand a zxcvbn score of 3 of 4."""

    code = "strength"
    label = f"Strength {GOOD_SCORE} of 4"
    help_text = "A password that could be guessed is refused."

    def refusal(self, password: str, words: Collection[str]) -> str | None:
        """Return what makes the password guessable."""
        score, text = estimate(password, words)
        return f"This could be guessed. {text}" if score < GOOD_SCORE else None


class LeakedPasswordValidator(Validator):
    """Refuse passwords that are known from leaks, when a service to ask is configured."""

    code = "leaked"
    help_text = "Passwords known from data leaks are refused."

    def refusal(self, password: str, words: Collection[str]) -> str | None:
        """Return that the password was leaked; an unreachable service accepts."""
        if not leak_count(password):
            return None
        return (
            "This password is known from a data leak, so it will be tried. "
            "Use another one, here and wherever else you use it."
        )


def advise(password: str, *, words: Collection[str]) -> Advice:
    """Say how good the password is and which rules it meets, without asking anybody else."""
    validators = [v for v in _policy() if v.label]
    if not password or len(password) > LONGEST:
        text = LengthValidator().refusal(password, words) if password else LengthValidator.help_text
        return Advice(0, "Too long." if password else "", text or "", [(v.label, False) for v in validators])
    known = [*words, *site_words()]
    refusals = {v: v.refusal(password, known) for v in validators}
    score, hint = estimate(password, known)
    if any(refusals[v] for v in validators if v.code in {"personal", "common"}):
        score = min(score, GOOD_SCORE - 1)
    reasons = [reason for v, reason in refusals.items() if reason and v.code != "strength"]
    text = next(iter(reasons), hint or "It meets every rule.")
    return Advice(score, HEADLINES[score], text, [(v.label, not refusals[v]) for v in validators])


HEADLINES = (
    "Easily guessed.",
    "Easily guessed.",
    "Could be guessed.",
    "Hard to guess.",
    "Very hard to guess.",
)


def words_of(user: Any) -> list[str]:
    """Return the words that belong to the person, the company and this product."""
    fields = ("name", "full_name", "email", "company_name")
    return [*personal_words(*(str(getattr(user, field, "") or "") for field in fields)), *site_words()]


def personal_words(*texts: str) -> list[str]:
    """Split names, addresses and company names into the words a guesser would try."""
    words: dict[str, None] = {}
    for text in texts:
        local, _, domain = text[:LONGEST].partition("@")
        parts = re.split(r"[\W_]+", local) + domain.split(".")[:-1]
        for word in [*parts, re.sub(r"[\W_]+", "", local)]:
            folded = _fold(word)
            if len(folded) >= SHORTEST_WORD:
                words[folded] = None
    return list(words)


def site_words() -> list[str]:
    """Return the product's own words."""
    local = getattr(settings, "PASSWORD_LOCAL_WORDS", ())
    return [*personal_words(settings.SITE_NAME, *local), *PRODUCT_WORDS]


def estimate(password: str, words: Collection[str]) -> tuple[int, str]:
    """Return zxcvbn's score of the first 72 characters and its advice."""
    if not password:
        return 0, ""
    scored = _with_few_leet_characters(password[:SCORED])
    # zxcvbn keeps the words of the current call in a module-level table.
    with _scoring:
        result = zxcvbn(scored, user_inputs=list(words))
    feedback = result["feedback"]
    hints = [feedback["warning"].rstrip("."), *(hint.rstrip(".") for hint in feedback["suggestions"][:1])]
    return result["score"], " ".join(f"{hint}." for hint in hints if hint)


def _policy() -> list[Validator]:
    return [v for v in password_validation.get_default_password_validators() if isinstance(v, Validator)]


def _with_few_leet_characters(text: str) -> str:
    seen = [character for character in dict.fromkeys(text) if character in LEET_CHARACTERS]
    return text.translate(
        {ord(extra): NEUTRAL[at % len(NEUTRAL)] for at, extra in enumerate(seen[LEET_SCORED:])}
    )


def common_base(password: str) -> str | None:
    """Return the common password or word that this one is, apart from case, leetspeak and decoration."""
    return next((base for base in _bases(password.lower()) if _is_common(base)), None)


def leak_count(password: str) -> int | None:
    """Return how often leaks hold the password, or None when nobody could be asked.

    Only the first five characters of its SHA-1 leave this process.
    """
    if not settings.LEAKED_PASSWORD_URL:
        return None
    digest = hashlib.sha1(password.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest().upper()
    try:
        lines = _leak_checks.submit(_leaked_suffixes, digest[:5]).result(timeout=LEAK_SECONDS)
    except (requests.RequestException, TimeoutError):
        return None
    counts = (line.partition(":")[2] for line in lines if line.upper().startswith(digest[5:] + ":"))
    return next((int(count) for count in counts if count.strip().isdecimal()), 0)


def _leaked_suffixes(prefix: str) -> list[str]:
    address = f"{settings.LEAKED_PASSWORD_URL.rstrip('/')}/{prefix}"
    answer = requests.get(
        address, timeout=LEAK_SECONDS, headers={"Add-Padding": "true"}, allow_redirects=False
    )
    answer.raise_for_status()
    return answer.text.splitlines()


def _bases(lowered: str) -> Iterator[str]:
    for start in range(min(LONGEST_START, len(lowered)) + 1):
        if any(character.isalpha() for character in lowered[:start]):
            return
        for end in range(len(lowered), max(start, len(lowered) - LONGEST_END) - 1, -1):
            core = lowered[start:end]
            if len(core) >= SHORTEST_WORD and _is_usual_end(lowered[end:]):
                yield core
                yield from (core.translate(reading) for reading in LEET_READINGS)


def _is_usual_end(text: str) -> bool:
    found = USUAL_END.fullmatch(text)
    if found is None:
        return False
    digits = found["digits"]
    return len(digits) <= FREE_DIGITS or len(set(digits)) == 1 or any(digits in run for run in RUNS)


def _is_common(base: str) -> bool:
    for times in (1, 2, 3):
        part = base[: len(base) // times]
        if len(part) >= SHORTEST_WORD and part * times == base:
            known = part in _django_list() or any(part in RANKED_DICTIONARIES[name] for name in DICTIONARIES)
            if known:
                return True
    return False


@cache
def _django_list() -> frozenset[str]:
    return frozenset(password_validation.CommonPasswordValidator().passwords)


def _known_part(password: str, words: Iterable[str]) -> tuple[str | None, float]:
    """Return the longest known word inside, and how much is left beside all of them, in letters."""
    covered: set[int] = set()
    longest = ""
    for places, text in _readings(password):
        for word in words:
            for form in {word, word[::-1]}:
                at = text.find(form)
                while at >= 0:
                    # What stands between the letters of a spaced-out word is no more of one's own than they are.
                    covered.update(range(places[at], places[at + len(form) - 1] + 1))
                    longest = max(longest, word, key=len)
                    at = text.find(form, at + 1)
    rest = (character for place, character in enumerate(password) if place not in covered)
    return longest or None, sum(1 if character.isalpha() else 0.5 for character in rest)


def _readings(password: str) -> Iterator[tuple[list[int], str]]:
    """Yield the password as it may be read, each time with the place of every character."""
    folded = "".join(map(_fold_character, password))
    for text in (folded, *(folded.translate(reading) for reading in LEET_READINGS)):
        yield list(range(len(text))), text
        kept = [place for place, character in enumerate(text) if character.isalnum()]
        yield kept, "".join(text[place] for place in kept)


def _fold(word: str) -> str:
    return "".join(map(_fold_character, word))


def _fold_character(character: str) -> str:
    return unicodedata.normalize("NFKD", character.lower())[0]


def _has_surrogate(text: str) -> bool:
    return any(unicodedata.category(character) == "Cs" for character in text)


def _listed(parts: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
