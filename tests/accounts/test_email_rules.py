# ruff: noqa: RUF001 - letters that look alike are what is tested
import dns.exception
import dns.resolver
import pytest
from disposable_email_domains import blocklist
from hypothesis import given
from hypothesis import strategies as st

from accounts.email_rules import (
    FREE_DOMAINS,
    IMITATED,
    EmailRefused,
    canonical_domain,
    canonical_email,
    check_work_email,
)


class Resolver:
    """Answer MX questions from a script."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def resolve(self, name, kind, *, lifetime):
        self.asked.append((name, kind, lifetime))
        if isinstance(self.answer, Exception):
            raise self.answer
        return [type("Record", (), {"exchange": exchange})() for exchange in self.answer]


def check(text, *, allow=(), block=(), resolver=None):
    return check_work_email(
        text, allow=allow, block=block, check_deliverability=resolver is not None, resolver=resolver
    )


def refused(text, **options):
    with pytest.raises(EmailRefused) as found:
        check(text, **options)
    return found.value


@pytest.mark.parametrize(
    ("typed", "address", "key"),
    [
        ("Noor.Haddad@Halyard.Example", "Noor.Haddad@halyard.example", "noor.haddad@halyard.example"),
        ("  noor@halyard.example ", "noor@halyard.example", "noor@halyard.example"),
        ("noor@halyard.example.", "noor@halyard.example", "noor@halyard.example"),
        ("noor+console@halyard.example", "noor+console@halyard.example", "noor+console@halyard.example"),
        ("noor@BÜCHER.example", "noor@xn--bcher-kva.example", "noor@xn--bcher-kva.example"),
        ("noor@XN--BCHER-KVA.example", "noor@xn--bcher-kva.example", "noor@xn--bcher-kva.example"),
        ("noor@halyard。example", "noor@halyard.example", "noor@halyard.example"),
        ("noor@ｈalyard.example", "noor@halyard.example", "noor@halyard.example"),
    ],
)
def test_twins_meet_one_form(typed, address, key):
    email = canonical_email(typed)
    assert (email.address, email.key) == (address, key)
    assert f"{email.local}@{email.domain}" == address


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "syntax"),
        ("noor", "syntax"),
        ("noor@", "syntax"),
        ("@halyard.example", "syntax"),
        ("noor@halyard", "syntax"),
        ("noor@halyard..example", "syntax"),
        ("noor@halyard.example..", "syntax"),
        ("noor@-halyard.example", "syntax"),
        ("noor@[192.0.2.1]", "syntax"),
        ("noor haddad@halyard.example", "syntax"),
        ('"noor haddad"@halyard.example', "syntax"),
        ("Noor <noor@halyard.example>", "syntax"),
        ("noor@halyard.example,eve@evil.example", "syntax"),
        ("noor@halyard.example;eve@evil.example", "syntax"),
        ("nöor@halyard.example", "syntax"),
        ("=?utf-8?q?noor?=@halyard.example", "syntax"),
        ("noor@localhost", "syntax"),
        ("noor@halyard.example\nBcc: eve@evil.example", "characters"),
        ("noor@halyard.example\r\n", "characters"),
        ("noor\x00@halyard.example", "characters"),
        ("noor\x85@halyard.example", "characters"),
        ("noor\ud800@halyard.example", "characters"),
        ("n" * 65 + "@halyard.example", "syntax"),
        ("noor@" + "halyard." * 32 + "example", "too_long"),
        ("n" * 1_048_576 + "@halyard.example", "too_long"),
    ],
)
def test_what_no_mail_reaches_is_refused(typed, code):
    with pytest.raises(EmailRefused) as found:
        canonical_email(typed)
    assert found.value.code == code
    assert len(str(found.value)) < 100


@given(st.one_of(st.emails(), st.text(max_size=80), st.builds("{}@{}".format, st.text(), st.text())))
def test_canonical_of_canonical_is_the_same(text):
    try:
        email = canonical_email(text)
    except EmailRefused:
        return
    assert canonical_email(email.address) == email
    assert canonical_email(email.key).key == email.key
    assert email.domain.isascii()
    assert len(email.address.splitlines()) == 1


def test_work_address_passes_as_typed():
    email = check("Noor+plivo@Halyard.example")
    assert (email.address, email.warning) == ("Noor+plivo@halyard.example", None)
    assert (email.key, email.domain) == ("noor+plivo@halyard.example", "halyard.example")


@pytest.mark.parametrize(
    ("typed", "provider"),
    [
        ("noor@gmail.com", "Gmail"),
        ("noor@GMAIL.COM", "Gmail"),
        ("noor@gmail.com.", "Gmail"),
        ("noor@x.gmail.com", "Gmail"),
        ("noor@a.b.gmail.com", "Gmail"),
        ("noor@googlemail.com", "Gmail"),
        ("noor@ｇｍａｉｌ．com", "Gmail"),
        ("noor@outlook.com", "Outlook"),
        ("noor@hotmail.co.uk", "Hotmail"),
        ("noor@yahoo.co.uk", "Yahoo"),
        ("noor@tuta.com", "Tuta"),
        ("noor@mail.ru", "Mail.ru"),
        ("noor@rediffmail.com", "rediffmail.com"),
    ],
)
def test_free_providers_are_refused_by_name(typed, provider):
    error = refused(typed)
    assert error.code == "free"
    assert str(error) == (
        f"{provider} addresses can't open an account. Use the address you have at your company."
    )


@pytest.mark.parametrize("typed", ["noor@mailinator.com", "noor@Box.Mailinator.com"])
def test_throw_away_addresses_are_refused(typed):
    error = refused(typed)
    assert error.code == "disposable"
    assert "mailinator.com gives out throw-away addresses" in str(error)


@pytest.mark.parametrize(
    "domain",
    [
        "gm\u0430il.com",
        "GM\u0410IL.com",
        "xn--gmil-63d.com",
        "box.gm\u0430il.com",
        "gmai1.com",
        "gma1l.com",
        "grnail.com",
        "gm\u00e0il.com",
        "\u0443\u0430hoo.com",
        "h\u03bftmail.com",
        "0utlook.com",
        "outl00k.com",
        "\u0131cloud.com",
        "i\u0441l\u043eud.com",
        "\u0440roton.me",
        "\u0261mail.com",
    ],
)
def test_imitations_of_big_providers_are_refused(domain):
    error = refused(f"noor@{domain}")
    assert error.code == "lookalike"
    assert "only looks like" in str(error)


@pytest.mark.parametrize(
    "domain", ["m0de1.example", "b00king.example", "xn--80ak6aa92e.example", "bücher.example"]
)
def test_digits_and_other_scripts_alone_are_fine(domain):
    assert check(f"noor@{domain}").domain == canonical_domain(domain)


def test_staff_entries_win_and_block_beats_allow():
    assert check("noor@gmail.com", allow={"gmail.com"}).domain == "gmail.com"
    assert check("noor@mx.mailinator.com", allow={"mailinator.com"}).domain == "mx.mailinator.com"
    assert check("noor@gmai1.com", allow={"gmai1.com"}).domain == "gmai1.com"
    assert check("Noor@gmail.com", allow={"noor@gmail.com"}).key == "noor@gmail.com"
    assert refused("eve@gmail.com", allow={"noor@gmail.com"}).code == "free"
    assert refused("noor@halyard.example", block={"halyard.example"}).code == "blocked"
    assert refused("noor@eu.halyard.example", block={"halyard.example"}).code == "blocked"
    assert refused("Noor@gmail.com", allow={"gmail.com"}, block={"noor@gmail.com"}).code == "blocked"
    assert refused("noor@gmail.com", allow={"gmail.com"}, block={"gmail.com"}).code == "blocked"


def test_lists_are_loaded_and_cover_what_is_imitated():
    assert len(FREE_DOMAINS) > 4000
    assert len(blocklist) > 5000
    assert IMITATED <= FREE_DOMAINS


@pytest.mark.parametrize(
    "local", ["info", "Billing", "no-reply", "no_reply", "NOREPLY", "support+eu", "help.desk"]
)
def test_group_addresses_get_a_warning_only(local):
    assert "shared mailbox" in check(f"{local}@halyard.example").warning


@pytest.mark.parametrize("local", ["information", "noor", "noor+info", "salesman"])
def test_personal_addresses_get_no_warning(local):
    assert check(f"{local}@halyard.example").warning is None


def test_domain_with_mail_servers_is_accepted():
    resolver = Resolver(["mx1.halyard.example.", "mx2.halyard.example."])
    assert check("noor@Halyard.example", resolver=resolver).domain == "halyard.example"
    assert resolver.asked == [("halyard.example", "MX", 2.0)]


@pytest.mark.parametrize(
    ("answer", "code"),
    [(dns.resolver.NXDOMAIN(), "no_domain"), (["."], "no_mail")],
    ids=["nxdomain", "null-mx"],
)
def test_domain_without_mail_is_refused(answer, code):
    assert refused("noor@halyard.example", resolver=Resolver(answer)).code == code


@pytest.mark.parametrize(
    "failure",
    [
        dns.exception.Timeout(),
        dns.resolver.NoNameservers(),
        dns.resolver.NoAnswer(),
        OSError("unreachable"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_dns_trouble_accepts(failure):
    assert check("noor@halyard.example", resolver=Resolver(failure)).domain == "halyard.example"


def test_free_provider_is_refused_before_any_question():
    resolver = Resolver(["mx.gmail.com."])
    refused("noor@gmail.com", resolver=resolver)
    assert resolver.asked == []


def test_list_entries_have_one_form():
    assert canonical_domain(" BÜCHER.Example. ") == "xn--bcher-kva.example"
    with pytest.raises(EmailRefused):
        canonical_domain("not a domain")
